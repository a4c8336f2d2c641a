# ヘルプ
help-commands = あなたは{ $role }です。使える言葉：
    { $lines }
help-member = { $community }です。「メニュー」と送ると、できることが見られます。
