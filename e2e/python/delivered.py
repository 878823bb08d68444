"""A program that `ferry dev -- python3` runs: it posts a picture, sends it, and waits at the
simulator's control API until the phone has it. It exits with the status of its argument."""

import json
import os
import sys
import urllib.parse
import urllib.request

import boto3

bucket, phone, control = (os.environ[name] for name in ("FERRY_BUCKET", "FERRY_PHONE_NUMBER_ID", "FERRY_SIMULATOR_CONTROL_URL"))
social = boto3.client("socialmessaging")
to = "16505551234"


def send(media_id, caption):
    image = {"id": media_id, "caption": caption}
    message = {"messaging_product": "whatsapp", "to": "+" + to, "type": "image", "image": image}
    social.send_whatsapp_message(originationPhoneNumberId=phone, metaApiVersion="v23.0", message=json.dumps(message).encode())


def delivered(**parameters):
    query = {"for": "message", "to": to, "status": "delivered", "timeout": "30s", **parameters}
    return urllib.request.urlopen(f"{control}/_ferry/await?{urllib.parse.urlencode(query)}")


with open(os.environ["FILE"], "rb") as file:
    boto3.client("s3").put_object(Bucket=bucket, Key="photo.jpg", Body=file.read(), ContentType="image/jpeg")
media_id = social.post_whatsapp_message_media(originationPhoneNumberId=phone, sourceS3File={"bucketName": bucket, "key": "photo.jpg"})["mediaId"]
send(media_id, "before")
delivered(contains="before")
request = urllib.request.Request(control + "/_ferry/mark", data=b"{}", headers={"Content-Type": "application/json"})
mark = json.load(urllib.request.urlopen(request))["mark"]
none = delivered(since=mark, timeout="10ms")
send(media_id, "after")
found = json.load(delivered(since=mark))

print(json.dumps({"mediaId": media_id, "none": none.status, "messages": [message["content"] for message in found["messages"]]}))
sys.exit(int(sys.argv[1]))
