# help
help-commands = Your role: { $role }. You can say:
    { $lines }
help-member = This is { $community }. Send "menu" to see what you can do.
