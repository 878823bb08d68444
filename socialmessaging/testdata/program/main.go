// A program for the SocialMessaging client of aws-sdk-go-v2. The test of
// package socialmessaging replaces its two imports of that client, and nothing
// else, and runs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/socialmessaging"
	"github.com/aws/aws-sdk-go-v2/service/socialmessaging/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// sender is the part of the client that the program needs, as programs declare
// it to replace the client in tests.
type sender interface {
	SendWhatsAppMessage(context.Context, *socialmessaging.SendWhatsAppMessageInput, ...func(*socialmessaging.Options)) (*socialmessaging.SendWhatsAppMessageOutput, error)
	socialmessaging.ListLinkedWhatsAppBusinessAccountsAPIClient
}

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	client := socialmessaging.NewFromConfig(cfg, socialmessaging.WithAPIOptions(smithyhttp.AddHeaderValue("X-Program", "yes")), func(o *socialmessaging.Options) {
		o.Retryer = retry.AddWithMaxAttempts(o.Retryer, 2)
	})
	number := accounts(ctx, client)
	upload(ctx, client, number)
	send(ctx, client, number)
	settings(ctx, client, number)
	failures(ctx, client)
}

func accounts(ctx context.Context, client sender) string {
	pages := socialmessaging.NewListLinkedWhatsAppBusinessAccountsPaginator(client, &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{},
		func(o *socialmessaging.ListLinkedWhatsAppBusinessAccountsPaginatorOptions) { o.Limit = 1 })
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			log.Fatal(err)
		}
		for _, account := range page.LinkedAccounts {
			complete := account.RegistrationStatus == types.RegistrationStatusComplete
			fmt.Println("account:", aws.ToString(account.WabaName), complete, account.LinkDate.UTC().Format(time.DateOnly))
		}
	}
	fmt.Println("statuses:", types.RegistrationStatus("").Values())
	return "phone-number-id-1"
}

func upload(ctx context.Context, client *socialmessaging.Client, number string) {
	uploaded, err := client.PostWhatsAppMessageMedia(ctx, &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: aws.String(number),
		SourceS3File:             &types.S3File{BucketName: aws.String("media"), Key: aws.String("photo.jpg")},
	})
	if err != nil {
		log.Fatal(err)
	}
	id, _ := awsmiddleware.GetRequestIDMetadata(uploaded.ResultMetadata)
	fmt.Println("media:", *uploaded.MediaId, "request id:", id)
}

func send(ctx context.Context, client sender, number string) {
	sent, err := client.SendWhatsAppMessage(ctx, &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: aws.String(number), MetaApiVersion: aws.String("v23.0"), Message: []byte(`{"type":"text"}`),
	}, func(o *socialmessaging.Options) { o.Region = "eu-central-1" })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("message:", aws.ToString(sent.MessageId))
}

func settings(ctx context.Context, client *socialmessaging.Client, number string) {
	_, err := client.UpdateLinkedWhatsAppBusinessAccountPhoneNumber(ctx, &socialmessaging.UpdateLinkedWhatsAppBusinessAccountPhoneNumberInput{
		Id: aws.String(number),
		CallSettings: &types.WhatsAppCallSettings{CallEnabled: aws.Bool(true), CallHours: &types.WhatsAppCallHours{
			Enabled: aws.Bool(true), Timezone: aws.String("Europe/Berlin"), WeeklyOperatingHours: []types.WhatsAppWeeklyOperatingHoursEntry{{
				DayOfWeek: types.WhatsAppDayOfWeekMonday,
				OpenTime:  &types.WhatsAppTimeOfDay{Hours: aws.Int32(9), Minutes: aws.Int32(0)},
				CloseTime: &types.WhatsAppTimeOfDay{Hours: aws.Int32(17), Minutes: aws.Int32(30)},
			}},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("settings: updated")
}

func failures(ctx context.Context, client *socialmessaging.Client) {
	_, err := client.GetLinkedWhatsAppBusinessAccount(ctx, &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: aws.String("waba-404")})
	var notFound *types.ResourceNotFoundException
	var response *awshttp.ResponseError
	var operation *smithy.OperationError
	if !errors.As(err, &notFound) || !errors.As(err, &response) || !errors.As(err, &operation) {
		log.Fatal(err)
	}
	fmt.Println("error:", operation.Service(), operation.Operation(), response.HTTPStatusCode(), response.ServiceRequestID())
	fmt.Println("error:", notFound.ErrorCode(), "|", notFound.ErrorMessage(), "|", aws.ToString(notFound.Message), "|", notFound.ErrorFault())

	_, err = client.GetLinkedWhatsAppBusinessAccount(ctx, &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: aws.String("waba-403")})
	var api smithy.APIError
	if !errors.As(err, &api) {
		log.Fatal(err)
	}
	fmt.Println("error:", err)
}
