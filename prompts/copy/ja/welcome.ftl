# はじめましてと、おかえりなさい。
welcome = { $community }へようこそ。{ $count }つだけ教えてください（{ $minutes }分・あとで変更できます）。お答えは{ $uses }にだけ使います。
welcome-plain = { $community }へようこそ。教えていただいたことは{ $uses }にだけ使います。
welcome-use = 「{ $use }」
welcome-and = と
welcome-agree-button = 同意してはじめる
welcome-details-button = くわしく
welcome-later-button = あとで
welcome-details = 保存するもの：{ $stores }。渡す先：{ $receivers }。消し方：いつでも「消して」と送ってください。
welcome-later = わかりました。いつでもどうぞ。はじめるときは「つづき」、できることを見るときは「メニュー」と送ってください。
welcome-back =
    { $named ->
        [yes] おかえりなさい、{ $name }さん。前の続きから使えます。
       *[no] おかえりなさい。前の続きから使えます。
    }
