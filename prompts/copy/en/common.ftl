choice-old = This button no longer works. Please start from "menu".
refused-role =
    { $needs ->
        [owner] Only an owner can use this word. "help" lists the words you can use.
       *[other] Only the people who run this community can use this word. If you need help, send "menu".
    }
trouble = That did not work. Please wait a moment and try again.
fit-more = Next
fit-back = Back
fit-choose = Please choose below.
fit-numbers = You can also answer with the number.
alert-dead = Some work could not be done ({ $what }: { $count }). Please run "hiroba doctor" on the server.
chat-welcome =
    You can talk here. The one who speaks now is { $speaker }.
    - Type text to say something, or a number to press a button
    - /event follow adds the bot as a friend, /as 佐藤 changes who speaks (佐藤 and 高橋 are managers)
    - Ctrl+D ends the talk
alert-quota = This month's messages are used up ({ $platform }). Replies still arrive; notices are shown when a member next writes.
