"""Makes one upload, which boto3 retries when there is no response within a second:
as it does by default, in its legacy mode of five attempts. Reads the input from
standard input and prints the media id and the number of retries."""

import json
import sys

import boto3
from botocore.config import Config

client = boto3.client("socialmessaging", config=Config(read_timeout=1))
answer = client.post_whatsapp_message_media(**json.load(sys.stdin))
print(json.dumps({"mediaId": answer["mediaId"], "retries": answer["ResponseMetadata"]["RetryAttempts"]}))
