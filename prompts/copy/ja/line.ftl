# LINE の点検（hiroba doctor）で出る直し方
line-token-refused = LINE Developers →「Messaging API設定」でチャネルアクセストークンを発行し、LINE_CHANNEL_ACCESS_TOKEN に入れてください。
line-unreachable = LINE に接続できません。ネットワークと LINE_API_BASE を確かめてください。
line-webhook-unset = LINE Developers →「Messaging API設定」→ Webhook URL に https://（このサーバー）/line/webhook を入れてください。
line-webhook-elsewhere = Webhook URL がこのサーバーではありません。LINE Developers →「Messaging API設定」→ Webhook URL を直してください。
line-webhook-off = LINE Developers →「Messaging API設定」→「Webhookの利用」をオンにしてください。
line-webhook-silent = LINE から Webhook URL に届きません。サーバーが起動しているか、https の証明書が正しいかを確かめてください。
line-quota-unreadable = 通数の上限を読めません。少し待ってから、もう一度お試しください。
line-quota-spent = 今月の通数を使い切りました。返信は届きますが、お知らせは来月1日かプラン変更後になります。
line-greeting-off = （確認）LINE Official Account Manager →「応答設定」→「あいさつメッセージ」をオフにしてください。
line-auto-reply-off = （確認）LINE Official Account Manager →「応答設定」→「応答メッセージ」をオフにしてください。
line-redelivery-on = （確認）LINE Developers →「Messaging API設定」→「Webhookの再送」をオンにしてください。
