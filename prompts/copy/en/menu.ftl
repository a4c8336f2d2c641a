# The menu, and stopping. cancel-<feature> is what is said when that feature is stopped midway.
menu = { $community }: what would you like to do?
cancel-nothing = Nothing is open right now. Please start from "menu".
cancel-done = Stopped. Please start from "menu".
