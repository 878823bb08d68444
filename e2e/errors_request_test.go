package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// Errors that are reported before a source is opened.
func TestMalformedRequestsBecomeExceptions(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.txt")
	w.s3.put(t, w.bucket, "a.txt", file.Data, file.ContentType)
	node := startNode(t, w.ferry.url, w.key)
	inBucket := members{"bucketName": w.bucket, "key": "a.txt"}
	link := members{"url": w.s3.presign(t, w.bucket, "a.txt"), "headers": members{"Content-Type": "text/plain"}}

	const bad = http.StatusBadRequest
	for _, row := range []struct {
		name      string
		input     members
		exception string
		says      []string
	}{
		{"neither source", members{"originationPhoneNumberId": w.phone}, "InvalidParametersException", []string{"sourceS3File", "sourceS3PresignedUrl"}},
		{"both sources", members{"originationPhoneNumberId": w.phone, "sourceS3File": inBucket, "sourceS3PresignedUrl": link}, "InvalidParametersException", []string{"sourceS3File", "sourceS3PresignedUrl"}},
		{"no phone number", members{"sourceS3File": inBucket}, "ValidationException",
			[]string{"1 validation error detected: Value null at 'originationPhoneNumberId' failed to satisfy constraint: Member must not be null"}},
		{"no key, no phone number", members{"sourceS3File": members{"bucketName": w.bucket}}, "ValidationException",
			[]string{"2 validation errors detected: ", "'originationPhoneNumberId'", "'sourceS3File.key' failed to satisfy constraint: Member must not be null"}},
		{"no url, no headers", members{"originationPhoneNumberId": w.phone, "sourceS3PresignedUrl": members{}}, "ValidationException",
			[]string{"'sourceS3PresignedUrl.url'", "'sourceS3PresignedUrl.headers'"}},
		{"pattern of the phone number", members{"originationPhoneNumberId": "+15550783881", "sourceS3File": inBucket}, "ValidationException",
			[]string{"Value '+15550783881' at 'originationPhoneNumberId' failed to satisfy constraint: Member must satisfy regular expression pattern: "}},
		{"pattern of the bucket", jsFromBucket(w.phone, "No_Bucket", "a.txt"), "ValidationException", []string{"'sourceS3File.bucketName'", "regular expression pattern"}},
		{"length of the key", jsFromBucket(w.phone, w.bucket, strings.Repeat("k", 1025)), "ValidationException", []string{"'sourceS3File.key'", "less than or equal to 1024"}},
		{"length of the URL", jsFromURL(w.phone, "https://bucket.s3.us-east-1.amazonaws.com/"+strings.Repeat("k", 2000), "text/plain"), "ValidationException", []string{"'sourceS3PresignedUrl.url'", "less than or equal to 2000"}},
	} {
		t.Run(row.name, func(t *testing.T) { node.post(row.input).wantException(t, row.exception, bad, row.says...) })
	}

	for name, input := range map[string]members{
		"a number for a string":      {"originationPhoneNumberId": 12345, "sourceS3File": inBucket},
		"a string for a structure":   {"originationPhoneNumberId": w.phone, "sourceS3File": "a.txt"},
		"a list for a string":        jsFromBucket(w.phone, w.bucket, "")["sourceS3File"].(members),
		"a string for a map":         {"originationPhoneNumberId": w.phone, "sourceS3PresignedUrl": members{"url": "https://s3.amazonaws.com/b/k", "headers": "text/plain"}},
		"a number for a map's value": {"originationPhoneNumberId": w.phone, "sourceS3PresignedUrl": members{"url": "https://s3.amazonaws.com/b/k", "headers": members{"Content-Type": 7}}},
	} {
		if name == "a list for a string" {
			input = members{"originationPhoneNumberId": []string{w.phone}, "sourceS3File": inBucket}
		}
		t.Run("wrong JSON type: "+name, func(t *testing.T) { node.post(input).wantCode(t, "SerializationException", bad) })
	}

	if sent := w.sim.uploads(); len(sent) != 0 {
		t.Errorf("%d uploads to Meta were started for malformed requests", len(sent))
	}
}

func TestUnknownAndForeignPhoneNumbersDoNotExist(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.txt")
	w.s3.put(t, w.bucket, "a.txt", file.Data, file.ContentType)
	foreign := w.in.link(otherAccount, otherMetaAccount, otherMetaToken)
	foreignPhone := foreign.PhoneNumbers[0].PhoneNumberID
	node := startNode(t, w.ferry.url, w.key)

	unknown := "phone-number-id-0123456789abcdef0123456789abcdef"
	var messages []string
	for _, phone := range []string{
		unknown, foreignPhone,
		"arn:aws:social-messaging:us-east-1:" + otherAccount + ":phone-number-id/" + strings.TrimPrefix(foreignPhone, "phone-number-id-"),
		"arn:aws:social-messaging:eu-west-1:" + account + ":phone-number-id/" + strings.TrimPrefix(w.phone, "phone-number-id-"),
	} {
		result := node.post(jsFromBucket(phone, w.bucket, "a.txt"))
		result.wantException(t, "ResourceNotFoundException", http.StatusNotFound)
		messages = append(messages, strings.ReplaceAll(result.Error.Message, phone, "ID"))
		node.call("GetLinkedWhatsAppBusinessAccountPhoneNumber", members{"id": phone}).wantException(t, "ResourceNotFoundException", http.StatusNotFound)
	}
	if messages[0] != messages[1] {
		t.Errorf("the message about a foreign phone number differs from that about an unknown one: %q, %q", messages[1], messages[0])
	}
	node.call("GetLinkedWhatsAppBusinessAccount", members{"id": foreign.ID}).wantException(t, "ResourceNotFoundException", http.StatusNotFound)

	// The other account can use its own number but not this one's.
	other := startNode(t, w.ferry.url, w.in.createKey(otherAccount))
	w.sim.wantStored(other.post(jsFromBucket(foreignPhone, w.bucket, "a.txt")).mediaID(t), file.Data)
	other.post(jsFromBucket(w.phone, w.bucket, "a.txt")).wantException(t, "ResourceNotFoundException", http.StatusNotFound)
	if files := w.sim.allMedia(); len(files) != 1 || files[0].PhoneNumberID != otherMetaPhone {
		t.Errorf("Meta has %+v, want one file of the other account's number", files)
	}
}

func TestCallersPolicyDecides(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.txt")
	w.s3.put(t, w.bucket, "public/a.txt", file.Data, file.ContentType)
	w.s3.put(t, w.bucket, "private/a.txt", file.Data, file.ContentType)
	node := startNode(t, w.ferry.url, w.in.createKey(account, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"social-messaging:PostWhatsAppMessageMedia","Resource":"*"},
		{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::`+w.bucket+`/public/*"}]}`))

	w.sim.wantStored(node.post(jsFromBucket(w.phone, w.bucket, "public/a.txt")).mediaID(t), file.Data)
	node.post(jsFromBucket(w.phone, w.bucket, "private/a.txt")).wantException(t, "AccessDeniedException", http.StatusForbidden,
		"is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::"+w.bucket+"/private/a.txt")
	node.post(jsFromBucket(w.phone, w.bucket, "private/missing.txt")).wantException(t, "AccessDeniedException", http.StatusForbidden)
	// A presigned URL itself grants the right to read.
	w.sim.wantStored(node.post(jsFromURL(w.phone, w.s3.presign(t, w.bucket, "private/a.txt"), "text/plain")).mediaID(t), file.Data)
	node.call("ListLinkedWhatsAppBusinessAccounts", members{}).wantException(t, "AccessDeniedException", http.StatusForbidden,
		"is not authorized to perform: social-messaging:ListLinkedWhatsAppBusinessAccounts")

	denied := startNode(t, w.ferry.url, w.in.createKey(account, socialFullAccess, `{"Version":"2012-10-17","Statement":
		{"Effect":"Deny","Action":"social-messaging:Post*","Resource":"*"}}`))
	denied.post(jsFromBucket(w.phone, w.bucket, "public/a.txt")).wantException(t, "AccessDeniedException", http.StatusForbidden, "explicit deny")
}

const socialFullAccess = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["social-messaging:*","s3:GetObject"],"Resource":"*"}]}`
