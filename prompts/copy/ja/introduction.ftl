# 自己紹介。
introduction-begin = 最初の一言をどうぞ。文章なら{ $longest }文字まで、写真1枚でも大丈夫です。書いたものは運営の人が読みます。
introduction-thanks = ありがとうございます。運営のみんなで読みますね。
introduction-picture = 写真をありがとうございます。運営のみんなで見ますね。
introduction-no-picture = 先ほどの写真は読み取れませんでした。もう一度送るときは「自己紹介する」からどうぞ。
introduction-not-that = 文章か写真1枚でお願いします。やめるときは「やめる」と送ってください。
introduction-too-long = { $longest }文字までにしてください（いま { $length }文字です）。やめるときは「やめる」と送ってください。
introduction-shown = 自己紹介が届きました：{ $named ->
        [yes] { $name }さん
       *[no] お名前なし
    }
introduction-alt = 自己紹介の写真
cancel-introduction = やめました。書きたくなったら「自己紹介する」と送ってください。
