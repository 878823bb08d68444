"""Uses the paginator of ListLinkedWhatsAppBusinessAccounts with one account per
page. Prints the ids of each page as one line, a JSON array."""

import json

import boto3

paginator = boto3.client("socialmessaging").get_paginator("list_linked_whatsapp_business_accounts")
for page in paginator.paginate(PaginationConfig={"PageSize": 1}):
    print(json.dumps([account["id"] for account in page["linkedAccounts"]]))
