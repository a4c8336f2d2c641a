# 会員数。どの行も、数えているものを書き添えます。
figures-members = 会員 { $count }人（話しかけてくださった方。離れた方を含み、データを消した方は含みません）
figures-platform = { $platform }：届く { $active }・離れた { $left }（届く＝ブロックも退出もしていないアカウント）
figures-joined = 新しい会員：きょう { $today }人・この7日 { $week }人（はじめて話しかけた日で数えます）
figures-consented = 同意 { $count }人（利用目的に同意した方）
figures-active = 活動 { $count }人（この{ $days }日に、送る・押すなどをした方）
figures-counted = { $platform }の通数：今月 { $counted }通／予算 { $budget }／プラン { $plan }（返信は数えません）
figures-limit = { $limit }通
figures-no-limit = 上限なし
