# Hello, and hello again.
welcome = Welcome to { $community }. Just { $count } questions (about { $minutes } min, you can change them later). We use your answers only for { $uses }.
welcome-plain = Welcome to { $community }. We use what you tell us only for { $uses }.
welcome-use = “{ $use }”
welcome-and = { " and " }
welcome-agree-button = Agree and start
welcome-details-button = Details
welcome-later-button = Later
welcome-details = What we keep: { $stores }. Who gets it: { $receivers }. How to erase it: send "delete me" at any time.
welcome-later = All right, whenever you like. Send "continue" to begin, or "menu" to see what there is.
welcome-back =
    { $named ->
        [yes] Welcome back, { $name }. Everything is as you left it.
       *[no] Welcome back. Everything is as you left it.
    }
