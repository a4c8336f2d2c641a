# 役割と一度だけのコード。role-* は値と別名（| 区切り）のどれでも通じます。
role-member = 会員
    .aliases = member
role-staff = スタッフ
    .aliases = staff
role-manager = 運営
    .aliases = manager
role-owner = オーナー
    .aliases = owner

roles-title = 役割を持つアカウント：{ $count }
roles-line = ・{ $role } { $account }
roles-line-file = ・{ $role } { $account }（community.toml）
roles-grant-how = どの役割かが分かりません。「役割 付ける 運営」のように送ってください（スタッフ・運営・オーナー）。
roles-revoke-how = だれの役割かが分かりません。「役割 一覧」に出ている名前をつけて、「役割 外す line:U12…9f」のように送ってください。
roles-code = { $role }のコードです：{ $code }
    { $role }になる方に伝えて、{ $minutes }分以内にこのボットへ送ってもらってください。1回だけ使えます。
roles-granted = { $account } を{ $role }にしました。
roles-revoked = { $account } の役割を外しました。使われていないコードも無効にしました。
roles-welcome = { $community }の{ $role }になりました。「ヘルプ」と送ると、使える言葉が見られます。
roles-already = あなたはもう{ $role }です。このコードは使い終わりました。
roles-last-owner = オーナーがいなくなるので、できません。先に「役割 付ける オーナー」で、ほかの方をオーナーにしてください。
roles-of-file = この役割は community.toml に書かれています。ファイルを直してから再起動してください。
roles-none = このアカウントには役割がありません。「役割 一覧」で確かめてください。
roles-unknown = このアカウントが見つかりません。「役割 付ける 運営」でコードを作って、本人に送ってもらうこともできます。
roles-unclear = 当てはまるアカウントが2つ以上あります。「line:（番号のすべて）」の形で送ってください。
code-locked = 違うコードが続いたため、いまは受け付けられません。10分たってから、もう一度送ってください。
