# アンケート。survey-note-* は、いまの質問のそばで言うひとことです。
survey-skip = スキップ
survey-done = 決定
survey-date = 日付をえらぶ
survey-drop = { $label }をはずす
survey-chosen = 選択中：{ $labels }
survey-between = ・
survey-note-sticker = かわいいスタンプありがとうございます！ { $at } は{ $kind ->
        [single] 下からえらんで
        [multi] 下からえらんで
        [consent] 下からえらんで
        [nps] 下からえらんで
        [date] 日付で教えて
        [number] 数字で教えて
       *[other] 文字で教えて
    }くださいね。
survey-note-not-that = ありがとうございます。いまはお預かりできないので、{ $at } は{ $kind ->
        [single] 下からえらんで
        [multi] 下からえらんで
        [consent] 下からえらんで
        [nps] 下からえらんで
        [date] 日付で教えて
        [number] 数字で教えて
       *[other] 文字で教えて
    }くださいね。
survey-note-took = 受け取りました。こちらもお願いします。
survey-note-stale = そのボタンの質問は、いまはありません。こちらをお願いします。
survey-note-not-offered = { $at } は下からえらんでくださいね。番号でも大丈夫です。
survey-note-choose-one = ひとつえらんでください。えらぶと次へ進みます。
survey-note-empty = 文字が見えませんでした。もう一度お願いします。
survey-note-too-short = 短すぎるようです。{ $low }文字以上でお願いします。
survey-note-too-long = 長すぎるようです。{ $high }文字までにしてください。
survey-note-not-number = 数字で教えてくださいね（例 12）。
survey-note-not-date = 日付で教えてくださいね（例 2026-12-20）。
survey-note-out-of-range = { $bounds ->
        [both] { $low } から { $high } の間で
        [low] { $low } からの範囲で
        [high] { $high } までの範囲で
       *[none] 下から
    }お願いします。
survey-agreed = ありがとうございます。「メニュー」からどうぞ。
survey-gone = このアンケートは終わりました。「メニュー」からどうぞ。
survey-nothing-left = アンケートは、ぜんぶお答えいただいています。直すときは「訂正」と送ってください。
survey-correct = どのお答えを直しますか？
survey-correct-none = お答えはまだありません。はじめるときは「つづき」と送ってください。
survey-fills-nickname = ニックネーム
survey-thanks = { $named ->
        [yes] ありがとう、{ $name }さん。
       *[no] ありがとうございます。
    }{ $guided ->
        [yes] 「{ $guides }」でご案内します。
       *[no] {""}
    }{ $coupon ->
        [issued] お礼に{ $label }をどうぞ（{ $until }まで・1回）。
        [already] { $label }はお渡し済みです（1人1回）。
        [sold-out] { $label }は配り終えました。ごめんなさい。
        [ended] { $label }の期間は{ $until }で終わりました。
       *[none] {""}
    }{ $introduced ->
        [yes] {""}
       *[no] 最初の一言を書いてみませんか？
    }
survey-corrected = 直しました。{ $question }：{ $skipped ->
        [yes] 答えない
       *[no] { $answer }
    }{ $tagged ->
        [yes] {"\u000A"}タグ：{ $tags }
       *[no] {""}
    }
cancel-survey = ここまでにしました。お答えは残っています。「つづき」で再開、「訂正」で直せます。
survey-results = 【{ $title }】回答した人：{ $people }人
survey-results-question = { $number }. { $text }（回答 { $answered }・スキップ { $skipped }）
survey-results-option = ・{ $label } { $count }（{ $percent }％）
survey-results-nps = ・NPS { $score }（平均 { $mean }）
survey-results-number = ・平均 { $mean }（最小 { $low }・最大 { $high }）
survey-results-none = アンケートはまだありません。コミュニティのフォルダーの surveys/ に置くと使えます。
survey-results-unknown = 「{ $name }」というアンケートはありません。いまあるもの：{ $names }
