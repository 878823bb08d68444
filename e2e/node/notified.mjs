// A program that SNS notifies over HTTP: it verifies each notification as AWS's SDK for
// JavaScript did, with sns-validator, and prints what it is. notified.mjs PORT
import http from "node:http";
import Validator from "sns-validator";

const validator = new Validator(/^127\.0\.0\.1:\d+$/); // the host and port that certificates come from

http.createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  validator.validate(body, (error, message) => {
    console.log(error ? `refused: ${error.message}` : `verified version ${message.SignatureVersion}: ${message.Message}`);
    response.writeHead(error ? 403 : 200).end();
  });
}).listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening"));
