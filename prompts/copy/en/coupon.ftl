# Coupons.
coupon-day = { $year }-{ $month }-{ $day }
coupon-card = { $title }{"\u000A"}{ $ended ->
        [yes] It ended on { $until }.
       *[no] Good until { $until }, once. Show this code when you pay.
    }{"\u000A"}{ $code }
coupon-none = You have no coupon now.
coupon-status = { $title } (until { $until }): { $stock } in all, { $given } given, { $left } left, { $opened } looked at
coupon-status-none = There is no coupon yet. Write one into [coupons] of community.toml.
