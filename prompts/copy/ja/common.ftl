choice-old = このボタンは、いまは使えません。「メニュー」からどうぞ。
refused-role =
    { $needs ->
        [owner] この言葉はオーナーだけが使えます。使える言葉は「ヘルプ」で見られます。
       *[other] この言葉は運営の方だけが使えます。お困りのときは「メニュー」と送ってください。
    }
trouble = うまくいきませんでした。少し待ってから、もう一度お試しください。
fit-more = 次へ
fit-back = 前へ
fit-choose = 下からえらんでください。
fit-numbers = 番号でもお答えいただけます。
alert-dead = 処理できないものがあります（{ $what } { $count }件）。サーバーで「hiroba doctor」を実行してください。
chat-welcome =
    ターミナルで話せます。いまの話し手は{ $speaker }さんです。
    ・文章を打つと発言、番号を打つとボタンを押します
    ・/event follow で友だち追加、/as 佐藤 で話し手を替えます（佐藤・高橋は運営です）
    ・終わるときは Ctrl+D
