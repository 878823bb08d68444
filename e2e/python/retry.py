"""One upload that boto3 sends again as it does by default, in its legacy mode of
five attempts, when no answer comes within a second. Reads the input from
standard input and prints the media id and the number of retries."""

import json
import sys

import boto3
from botocore.config import Config

client = boto3.client("socialmessaging", config=Config(read_timeout=1))
answer = client.post_whatsapp_message_media(**json.load(sys.stdin))
print(json.dumps({"mediaId": answer["mediaId"], "retries": answer["ResponseMetadata"]["RetryAttempts"]}))
