// Verifies the signature of a webhook with the reference implementation of Standard
// Webhooks. Reads {"secret", "headers", "body"} and writes the body, as JSON.
import { Webhook } from "standardwebhooks";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { secret, headers, body } = JSON.parse(text);
process.stdout.write(JSON.stringify(new Webhook(secret).verify(body, headers)));
