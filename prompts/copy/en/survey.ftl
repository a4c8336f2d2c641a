# Surveys. survey-note-* is what is said beside the open question.
survey-skip = Skip
survey-done = Done
survey-date = Choose a date
survey-drop = Remove { $label }
survey-chosen = Chosen: { $labels }
survey-between = { ", " }
survey-note-sticker = What a nice sticker, thank you! For { $at }, please { $kind ->
        [single] choose below
        [multi] choose below
        [consent] choose below
        [nps] choose below
        [date] send a date
        [number] send a number
       *[other] answer in words
    }.
survey-note-not-that = Thank you. That cannot be kept here; for { $at }, please { $kind ->
        [single] choose below
        [multi] choose below
        [consent] choose below
        [nps] choose below
        [date] send a date
        [number] send a number
       *[other] answer in words
    }.
survey-note-took = Got it. Now this one, please.
survey-note-stale = The question of that button is no longer asked. This one, please.
survey-note-not-offered = For { $at }, please choose below. The number will do, too.
survey-note-choose-one = Please choose one. Then we go on.
survey-note-empty = There was nothing to read. Please try again.
survey-note-too-short = That seems too short. At least { $low } characters, please.
survey-note-too-long = That seems too long. At most { $high } characters, please.
survey-note-not-number = A number, please (such as 12).
survey-note-not-date = A date, please (such as 2026-12-20).
survey-note-out-of-range = { $bounds ->
        [both] Between { $low } and { $high }
        [low] From { $low } on
        [high] Up to { $high }
       *[none] One of those below
    }, please.
survey-agreed = Thank you. Send "menu" to see what there is.
survey-gone = This survey is over. Please start from "menu".
survey-nothing-left = You have answered everything. Send "correct" to change an answer.
survey-correct = Which answer would you like to correct?
survey-correct-none = There are no answers yet. Send "continue" to begin.
survey-fills-nickname = Nickname
survey-thanks = { $named ->
        [yes] Thank you, { $name }.
       *[no] Thank you.
    }{ $guided ->
        [yes] { " " }We will keep you posted on “{ $guides }”.
       *[no] {""}
    }{ $coupon ->
        [issued] { " " }Here is a { $label } for you (once, until { $until }).
        [already] { " " }You have had the { $label } already (one per person).
        [sold-out] { " " }The { $label } has all been given out, sorry.
        [ended] { " " }The { $label } ended on { $until }.
       *[none] {""}
    }{ $introduced ->
        [yes] {""}
       *[no] { " " }Would you like to say a first word?
    }
survey-corrected = Corrected. { $question }: { $skipped ->
        [yes] no answer
       *[no] { $answer }
    }{ $tagged ->
        [yes] {"\u000A"}Tags: { $tags }
       *[no] {""}
    }
cancel-survey = We stop here. Your answers are kept. Send "continue" to go on, "correct" to change one.
survey-results = { $title }: { $people ->
        [one] one person
       *[other] { $people } people
    } answered
survey-results-question = { $number }. { $text } (answered { $answered }, skipped { $skipped })
survey-results-option = · { $label } { $count } ({ $percent } %)
survey-results-nps = · NPS { $score } (average { $mean })
survey-results-number = · average { $mean } (lowest { $low }, highest { $high })
survey-results-none = There is no survey yet. Put one into surveys/ of the community's folder.
survey-results-unknown = There is no survey "{ $name }". There are: { $names }
