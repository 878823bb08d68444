package socialmessaging_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// exampleClient returns a client of a server that answers each path with the
// given body, or of one that does not know the resource. Programs use
// NewFromConfig with the SDK's configuration.
func exampleClient(answers map[string]string) (client *socialmessaging.Client, stop func()) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.RequestURI]
		if !known {
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
			w.WriteHeader(http.StatusNotFound)
			answer = `{"message":"No such phone number."}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	return socialmessaging.New(socialmessaging.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", ""),
	}), server.Close
}

func ExampleClient_PostWhatsAppMessageMedia() {
	client, stop := exampleClient(map[string]string{"/v1/whatsapp/media": `{"mediaId":"1234567890"}`})
	defer stop()

	uploaded, err := client.PostWhatsAppMessageMedia(context.Background(), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: aws.String("phone-number-id-0123456789abcdef0123456789abcdef"),
		SourceS3File:             &types.S3File{BucketName: aws.String("media"), Key: aws.String("photo.jpg")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(*uploaded.MediaId)
	// Output: 1234567890
}

func ExampleClient_GetWhatsAppMessageMedia() {
	client, stop := exampleClient(map[string]string{"/v1/whatsapp/media/get": `{"mimeType":"image/jpeg","fileSize":78144}`})
	defer stop()

	file, err := client.GetWhatsAppMessageMedia(context.Background(), &socialmessaging.GetWhatsAppMessageMediaInput{
		MediaId:                  aws.String("1234567890"),
		OriginationPhoneNumberId: aws.String("phone-number-id-0123456789abcdef0123456789abcdef"),
		DestinationS3File:        &types.S3File{BucketName: aws.String("media"), Key: aws.String("received/")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(*file.MimeType, *file.FileSize)
	// Output: image/jpeg 78144
}

// The exceptions of the model are types in package types. Every error of the
// service, modelled or not, is an Exception too.
func ExampleAsException() {
	client, stop := exampleClient(nil)
	defer stop()

	_, err := client.GetLinkedWhatsAppBusinessAccountPhoneNumber(context.Background(), &socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberInput{
		Id: aws.String("phone-number-id-0"),
	})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
		fmt.Println("not found")
	}
	if exception, ok := socialmessaging.AsException(err); ok {
		fmt.Println(exception.Status, exception.Code, exception.Message)
	}
	// Output:
	// not found
	// 404 ResourceNotFoundException No such phone number.
}

func ExampleNewListLinkedWhatsAppBusinessAccountsPaginator() {
	client, stop := exampleClient(map[string]string{
		"/v1/whatsapp/waba/list":             `{"linkedAccounts":[{"wabaName":"Lucky Shrub"}],"nextToken":"2"}`,
		"/v1/whatsapp/waba/list?nextToken=2": `{"linkedAccounts":[{"wabaName":"Jasper's Market"}]}`,
	})
	defer stop()

	pages := socialmessaging.NewListLinkedWhatsAppBusinessAccountsPaginator(client, nil)
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, account := range page.LinkedAccounts {
			fmt.Println(*account.WabaName)
		}
	}
	// Output:
	// Lucky Shrub
	// Jasper's Market
}

// An operation can be called by its name, with JSON in and out.
func ExampleClient_Call() {
	client, stop := exampleClient(map[string]string{"/v1/whatsapp/media?mediaId=1&originationPhoneNumberId=phone-number-id-0": `{"success":true}`})
	defer stop()

	operation, _ := socialmessaging.OperationByName("DeleteWhatsAppMessageMedia")
	output, err := client.Call(context.Background(), operation, []byte(`{"mediaId": "1", "originationPhoneNumberId": "phone-number-id-0"}`))
	fmt.Println(string(output), err)
	// Output: {"success":true} <nil>
}
