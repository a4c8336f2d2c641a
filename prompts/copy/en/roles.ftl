# Roles and one-time codes. The value of role-* and each of its aliases (separated by |) is understood.
role-member = member
    .aliases = member
role-staff = staff
    .aliases = staff
role-manager = manager
    .aliases = manager
role-owner = owner
    .aliases = owner

roles-title = Accounts with a role: { $count }
roles-line = - { $role } { $account }
roles-line-file = - { $role } { $account } (community.toml)
roles-grant-how = Which role? Please send it like "role grant manager" (staff, manager or owner).
roles-revoke-how = Whose role? Please send the name that "role list" shows, like "role revoke line:U12…9f".
roles-code = A code for the role { $role }: { $code }
    Give it to the person, who sends it to this bot within { $minutes } minutes. It works once.
roles-granted = { $account } now has the role { $role }.
roles-revoked = { $account } has no role any more. Codes that were not used are void, too.
roles-welcome = You now have the role { $role } in { $community }. Send "help" to see what you can say.
roles-already = You have the role { $role } already. The code is used up.
roles-last-owner = This would leave no owner. First make someone else an owner with "role grant owner".
roles-of-file = This role stands in community.toml. Please change the file and start again.
roles-none = This account has no role. Please look at "role list".
roles-unknown = There is no such account. You can also make a code with "role grant manager" for the person to send.
roles-unclear = More than one account fits. Please send it in full, like "line:" and the whole number.
code-locked = Too many wrong codes. Please send it again in 10 minutes.
