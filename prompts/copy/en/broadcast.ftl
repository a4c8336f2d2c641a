# broadcasts: what the managers' channel is told
broadcast-quota = Paused: sent to { $sent }, not sent to { $unsent } (the month's message limit). It can go on next month or after a change of plan. "{ $title }"
broadcast-unauthorised = Paused: sent to { $sent }, not sent to { $unsent } (the platform does not accept the token). Please run "hiroba doctor" on the server. "{ $title }"
broadcast-rejected = Paused: sent to { $sent }, not sent to { $unsent } (the platform does not accept this message). Please change it and send it anew. "{ $title }"
broadcast-unfit = Paused: sent to nobody. It is longer than one send may be. Please shorten it and send it anew. "{ $title }"
broadcast-platform_off = Paused: sent to { $sent }, not sent to { $unsent } (the platform is not set up). "{ $title }"
broadcast-dead = Paused: sent to { $sent }; for { $unsent } it is unknown, or failed every time. Nothing is sent again by itself. "{ $title }"
broadcast-continued = Going on: { $unsent } to follow. "{ $title }"
