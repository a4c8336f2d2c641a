# クーポン。
coupon-day = { $month }/{ $day }
coupon-card = 【{ $title }】{"\u000A"}{ $ended ->
        [yes] { $until }で終わりました。
       *[no] { $until }まで・1回使えます。お会計のときに、この番号をお見せください。
    }{"\u000A"}{ $code }
coupon-none = いまお持ちのクーポンはありません。
coupon-status = { $title }（{ $until }まで）：全部 { $stock }・配った { $given }・残り { $left }・見た人 { $opened }
coupon-status-none = クーポンはまだありません。community.toml の [coupons] に書くと使えます。
