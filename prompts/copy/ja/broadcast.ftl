# 一斉のお知らせ：#管理 に出ることば
broadcast-quota = 中断：{ $sent }人に送信、{ $unsent }人は未送信（通数の上限）。続きは来月1日か、プラン変更後。「{ $title }」
broadcast-unauthorised = 中断：{ $sent }人に送信、{ $unsent }人は未送信（サービスがトークンを受け付けません）。サーバーで「hiroba doctor」を実行してください。「{ $title }」
broadcast-rejected = 中断：{ $sent }人に送信、{ $unsent }人は未送信（サービスがこの内容を受け付けません）。内容を直して、あらためて送ってください。「{ $title }」
broadcast-unfit = 中断：だれにも送っていません。1回で送れる長さをこえています。内容を短くして、あらためて送ってください。「{ $title }」
broadcast-platform_off = 中断：{ $sent }人に送信、{ $unsent }人は未送信（サービスの設定がありません）。「{ $title }」
broadcast-dead = 中断：{ $sent }人に送信、{ $unsent }人は届いたかどうか分からないか、何度送ってもだめでした。自動では送り直しません。「{ $title }」
broadcast-continued = 再開しました：続き{ $unsent }人「{ $title }」
