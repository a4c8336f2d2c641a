# When it is nothing else.
small-talk-text = Thank you. Questions cannot be answered here yet. What there is, is in the "menu".
small-talk-sticker = What a nice sticker, thank you!
small-talk-picture = Thank you for the picture. It is not kept, but the thought counts.
small-talk-other = Thank you. This cannot be kept here, but the thought counts.
