# セグメントの条件が読めないとき。{ $column } は先頭から何文字目か。下に「もしかして」が続くことがあります。
segment-maybe = もしかして：{ $maybe }
segment-empty = 条件が空です。例：関心:まつげ かつ 参加日数 >= 30
segment-too-long = 条件が長すぎます（{ $limit }文字まで）。名前を付けて分けてください。
segment-too-deep = かっこや「でない」、名前の重なりが深すぎます（{ $limit }段まで）。
segment-too-many = 条件が多すぎます（名前の中身も合わせて{ $limit }個まで）。
segment-character = { $column }文字目：「{ $found }」は条件に使えません。
segment-quote-open = { $column }文字目：引用符が閉じていません。
segment-parenthesis-open = { $column }文字目：かっこが閉じていません。
segment-parenthesis-close = { $column }文字目：閉じかっこが余っています。
segment-term-missing = { $column }文字目：条件が抜けています。例：関心:まつげ
segment-operator-missing = { $column }文字目：「{ $found }」の前に「かつ」か「または」が要ります。
segment-value-missing = { $column }文字目：くらべる値が抜けています。
segment-no-comparison = { $column }文字目：「{ $found }」は何とくらべますか？例：{ $found } >= 30
segment-no-order = { $column }文字目：言葉は「=」か「!=」でくらべます。
segment-not-number = { $column }文字目：「{ $found }」は整数ではありません。
segment-not-date = { $column }文字目：「{ $found }」は日付ではありません。例：2026-12-20
segment-days = { $column }文字目：日数は0から{ $limit }までです。
segment-window = { $column }文字目：活動を数える日数は1から{ $limit }までです。
segment-unknown = { $column }文字目：「{ $found }」というセグメントもタグもありません。
segment-no-term = { $column }文字目：「{ $found }」という条件はありません。
segment-no-tag = { $column }文字目：「{ $found }」というタグはありません。
segment-no-question = { $column }文字目：「{ $found }」という質問はありません。
segment-two-questions = { $column }文字目：「{ $found }」という質問は二つ以上のアンケートにあります。
segment-words-question = { $column }文字目：「{ $found }」は自由に書く質問なので、条件に使えません。
segment-no-option = { $column }文字目：「{ $found }」という選択肢はありません。
segment-no-platform = { $column }文字目：「{ $found }」という媒体はありません。
segment-no-campaign = { $column }文字目：「{ $found }」という企画はありません。
segment-no-stage = { $column }文字目：「{ $found }」ではなく、entered・won・used のどれかです。
segment-cycle = { $column }文字目：名前がぐるぐる回っています（{ $found }）。
segment-broken = { $column }文字目：「{ $found }」の中身が、いまは読めません。作り直してください。
