# Introductions.
introduction-begin = Please say a first word: up to { $longest } characters, or one picture. The people who run this community will read it.
introduction-thanks = Thank you. All of us here will read it.
introduction-picture = Thank you for the picture. All of us here will look at it.
introduction-no-picture = Your picture could not be read. To send another, start from "introduce".
introduction-not-that = Some text or one picture, please. Send "cancel" to stop.
introduction-too-long = At most { $longest } characters, please (this is { $length }). Send "cancel" to stop.
introduction-shown = An introduction from { $named ->
        [yes] { $name }
       *[no] someone without a nickname
    }
introduction-alt = A picture that came with an introduction
cancel-introduction = Stopped. Send "introduce" whenever you feel like it.
