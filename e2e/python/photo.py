"""Posts a photo and sends it: photo.py FILE NUMBER. Prints the message id of the service."""

import json
import os
import sys

import boto3

file, number = sys.argv[1:]
key = os.path.basename(file)
boto3.client("s3").upload_file(file, os.environ["FERRY_BUCKET"], key, ExtraArgs={"ContentType": "image/jpeg"})
service = boto3.client("socialmessaging")
phone = os.environ["FERRY_PHONE_NUMBER_ID"]
media = service.post_whatsapp_message_media(
    originationPhoneNumberId=phone, sourceS3File={"bucketName": os.environ["FERRY_BUCKET"], "key": key}
)["mediaId"]
message = {"messaging_product": "whatsapp", "to": number, "type": "image", "image": {"id": media}}
print(service.send_whatsapp_message(originationPhoneNumberId=phone, message=json.dumps(message), metaApiVersion="v25.0")["messageId"])
