package local_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	_ "modernc.org/sqlite"

	"ferry/internal/local"
	"ferry/socialmessaging"
)

// The ids and keys of the sample world are a contract: programs and their tests
// have them in their own configuration. docs/development.md lists them.
func TestSampleWorldIsTheSameAtEveryStart(t *testing.T) {
	data := t.TempDir()
	for _, directory := range []string{"", data, data} {
		world := start(t, directory)
		client := apiClient(world, "us-east-1")
		account, err := client.GetLinkedWhatsAppBusinessAccount(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: aws.String("waba-11112222333344445555666677778888")})
		if err != nil {
			t.Fatal(err)
		}
		got := []string{
			world.AccessKeyID, world.SecretAccessKey.Reveal(), world.MetaToken.Reveal(), world.Region,
			*account.Account.Arn, *account.Account.WabaId, *account.Account.WabaName,
		}
		for _, n := range account.Account.PhoneNumbers {
			got = append(got, *n.PhoneNumberId, *n.MetaPhoneNumberId, *n.PhoneNumber, *n.DisplayPhoneNumberName)
		}
		for _, v := range world.Environment() {
			if v.Name == "FERRY_BUCKET" || strings.HasPrefix(v.Name, "M4D_") {
				got = append(got, v.Value)
			}
		}
		want := []string{
			"AKIAFERRYDEV7EXAMPLE", "FERRYDEV/this+key+is+public/EXAMPLEKEY00", "EAAferrydevEXAMPLETOKENnotSecret", "us-east-1",
			"arn:aws:social-messaging:us-east-1:111122223333:waba/11112222333344445555666677778888", "102290129340398", "Lucky Shrub",
			"phone-number-id-aaaa1111bbbb2222cccc3333dddd4444", "106540352242922", "+15550783881", "Lucky Shrub",
			"phone-number-id-aaaa1111bbbb2222cccc3333dddd5555", "106540352242955", "+15550783882", "Lucky Shrub Support",
			"ferry-media", "634974688087057", "0123456789abcdef0123456789abcdef",
		}
		if !slices.Equal(got, want) {
			t.Errorf("the sample world is\n%q, want\n%q", got, want)
		}
		document, err := os.ReadFile("../../docs/development.md")
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range want {
			if !strings.HasPrefix(value, "arn:") && value != "us-east-1" && value != "+15550783881" && value != "+15550783882" && !strings.Contains(string(document), value) {
				t.Errorf("docs/development.md does not have %s", value)
			}
		}
		for _, v := range world.Environment() {
			isListed := strings.Contains(string(document), "`"+v.Name+"`")
			if !isListed && !strings.HasPrefix(v.Name, "AWS_CONTAINER_") {
				t.Errorf("docs/development.md does not have the variable %s", v.Name)
			}
		}
		if err := world.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDataDirectoryWithOtherIDsIsRefused(t *testing.T) {
	for name, change := range map[string]string{
		"business account": `UPDATE business_account SET id = 'f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0'; UPDATE phone_number SET business_account_id = 'f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0'`,
		"phone number":     `UPDATE phone_number SET id = 'f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0' WHERE meta_id = '106540352242955'`,
	} {
		data := t.TempDir()
		if err := start(t, data).Close(); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", filepath.Join(data, "ferry.db"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(change); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		world, err := local.Start(t.Context(), local.Config{Data: data})
		if err == nil || !strings.Contains(err.Error(), data) {
			t.Errorf("%s: %v", name, err)
		}
		if world != nil {
			_ = world.Close()
		}
	}
}

func apiClient(world *local.World, region string) *socialmessaging.Client {
	return socialmessaging.New(socialmessaging.Options{
		Region: region, BaseEndpoint: aws.String(world.APIURL), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(world.AccessKeyID, world.SecretAccessKey.Reveal(), ""),
	})
}
