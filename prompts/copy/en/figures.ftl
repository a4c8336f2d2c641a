# members: each line says what it counts.
figures-members = { $count } members (who ever wrote to us; those who left included, those who deleted their data not)
figures-platform = { $platform }: { $active } reachable, { $left } left (reachable: an account that neither blocked nor left)
figures-joined = New members: { $today } today, { $week } in the last 7 days (by the day of their first contact)
figures-consented = { $count } agreed (to the purpose)
figures-active = { $count } active (sent or pressed something in the last { $days } days)
figures-counted = Messages on { $platform }: { $counted } this month, budget { $budget }, plan { $plan } (replies do not count)
figures-limit = { $limit }
figures-no-limit = no limit
