# stop and resume
stop-done = Stopped. From now on nothing is sent to members (held: { $held }). Whoever writes to us still gets an answer. To end this, send "resume".
stop-already = It is stopped already (held: { $held }). Whoever writes to us still gets an answer. To end this, send "resume".
resume-nothing = Nothing is stopped. Sending goes on as usual.
resume-restored = This stands still because a backup was put back. What may have arrived before is not sent again, so that nobody gets it twice.
resume-ask = Messages that wait: { $held }. What should become of them? Either way the stop ends.
resume-send = Send
resume-drop = Cancel them
resume-done = Going on. Nothing was held.
resume-sending = Going on. Messages that leave now: { $held } (within hours, caps and budget).
resume-dropped = Going on. Messages that were cancelled: { $held }.
