# What `hiroba doctor` says to do about LINE
line-token-refused = Issue a channel access token in LINE Developers, tab Messaging API, and set LINE_CHANNEL_ACCESS_TOKEN.
line-unreachable = LINE cannot be reached. Check the network and LINE_API_BASE.
line-webhook-unset = Set the webhook URL to https://(this server)/line/webhook in LINE Developers, tab Messaging API.
line-webhook-elsewhere = The webhook URL is not this server's. Correct it in LINE Developers, tab Messaging API.
line-webhook-off = Switch on "Use webhook" in LINE Developers, tab Messaging API.
line-webhook-silent = LINE gets no answer from the webhook URL. Check that the server runs and its https certificate is valid.
line-quota-unreadable = The message quota cannot be read. Wait a moment and try again.
line-quota-spent = This month's messages are used up. Replies still arrive; notices wait for the 1st or a larger plan.
line-greeting-off = (please check) Switch off the greeting message in LINE Official Account Manager, Response settings.
line-auto-reply-off = (please check) Switch off auto-response messages in LINE Official Account Manager, Response settings.
line-redelivery-on = (please check) Switch on webhook redelivery in LINE Developers, tab Messaging API.
