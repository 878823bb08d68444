// ferry account: linked WhatsApp Business Accounts.

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"ferry/internal/admin"
	"ferry/internal/graph"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
)

type accountCommand struct {
	Link   accountLinkCommand   `cmd:"" help:"Link a WhatsApp Business Account, or renew its token."`
	Unlink accountUnlinkCommand `cmd:"" help:"End the link of a WhatsApp Business Account: its messages that wait are not sent, and its tags, event destinations and records are deleted. Nothing changes at Meta."`
	List   accountListCommand   `cmd:"" help:"List linked WhatsApp Business Accounts and their phone numbers."`
	Reuse  accountReuseCommand  `cmd:"" help:"Turn reuse of media on or off: uploads of the same bytes for the same phone number return the same media id."`
	Verify accountVerifyCommand `cmd:"" help:"Turn verification of uploads on or off: compare the SHA-256 that WhatsApp reports with that of the bytes that were sent."`

	LinkToID    accountLinkToIDCommand    `cmd:"" name:"link-to-id" help:"Turn link to id on or off: ferry reads the files that messages link to, follows redirects, checks and uploads them, and sends the messages with media ids. Otherwise Meta reads the links itself."`
	Archive     accountArchiveCommand     `cmd:"" help:"Store the files of inbound messages in a bucket, or turn this off: each event then has the URI of its file."`
	TextAsPlain accountTextAsPlainCommand `cmd:"" help:"Turn the sending of text files as text/plain on or off: CSV, JSON, XML, Markdown, vCard, iCalendar and others are sent under their own names, though WhatsApp does not accept their types."`
}

type accountLinkCommand struct {
	stateFlags
	graphFlags
	Account       string        `help:"Account to link to, 12 digits." required:"" placeholder:"DIGITS"`
	WABAID        string        `name:"waba-id" env:"-" help:"Meta's id of the WhatsApp Business Account." required:"" placeholder:"ID"`
	PhoneNumberID []string      `env:"-" help:"Meta's id of a phone number to link. May be repeated. Default: all phone numbers of the WhatsApp Business Account." placeholder:"ID"`
	AppID         string        `name:"app-id" env:"-" help:"Meta's id of the app that the token belongs to. Required for template media, and for webhooks that are signed with a secret of one app only (--app-secret APPID:SECRET)." placeholder:"ID"`
	Subscribe     bool          `env:"-" help:"Also subscribe the app to the account, so that Meta reports messages and statuses to the app's webhook. What is subscribed already stays as it is."`
	MetaToken     secret.Secret `help:"Meta's access token for the account. Set it in the environment or in a file: the command line is visible to other users." placeholder:"TOKEN"`
	MetaTokenFile string        `help:"File with Meta's access token." placeholder:"FILE"`
}

// Run reads the account at Meta and stores it.
func (c *accountLinkCommand) Run(ctx context.Context, terminal *terminal) error {
	if err := c.graphFlags.check(); err != nil {
		return err
	}
	token := c.MetaToken
	if c.MetaTokenFile != "" {
		text, err := os.ReadFile(c.MetaTokenFile)
		if err != nil {
			return err
		}
		token = secret.New(strings.TrimSpace(string(text)))
	}
	if token.IsZero() {
		return errors.New("there is no token: set --meta-token-file FILE or the environment variable FERRY_META_TOKEN")
	}
	client, err := graph.New(c.graphFlags.config())
	if err != nil {
		return err
	}
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	link := admin.Link{AccountID: c.Account, MetaID: c.WABAID, PhoneNumberIDs: c.PhoneNumberID, AppID: c.AppID, Token: token}
	linked, err := admin.LinkAccount(ctx, client, db, link)
	if err != nil {
		return err
	}
	terminal.record(ctx, db, c.Account, "account link", c.WABAID, fmt.Sprintf("%d phone numbers", len(linked.PhoneNumbers)))
	printAccounts(terminal, []state.BusinessAccount{linked})
	if !c.Subscribe {
		return nil
	}
	link.AppID = linked.AppID // of an earlier link, if it is not named now
	return subscribe(ctx, terminal, client, link)
}

// subscribe subscribes the app of an account that is linked.
func subscribe(ctx context.Context, terminal *terminal, client *graph.Client, link admin.Link) error {
	app, already, err := admin.Subscribe(ctx, client, link)
	if err != nil {
		return fmt.Errorf("the account is linked, but its app is not subscribed: %w", err)
	}
	text := "The app is now subscribed"
	if already {
		text = "The app was subscribed already"
	}
	to := "the callback URL of the app (in Meta's dashboard, under WhatsApp, Configuration)"
	if u, err := url.Parse(app.URL); err == nil && u.Host != "" {
		to = "a callback URL at " + u.Host + ", which is set for this account only"
	}
	return terminal.out.Printf("%s: Meta reports the account's messages and statuses to %s.\n", text, to)
}

type accountUnlinkCommand struct {
	stateFlags
	Account string `help:"Account that it is linked to, 12 digits." required:"" placeholder:"DIGITS"`
	WABAID  string `name:"waba-id" env:"-" help:"Meta's id of the WhatsApp Business Account." required:"" placeholder:"ID"`
}

// Run ends the link.
func (c *accountUnlinkCommand) Run(ctx context.Context, terminal *terminal) error {
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	unlinked, err := admin.UnlinkAccount(ctx, db, c.Account, c.WABAID)
	if err != nil {
		return err
	}
	terminal.record(ctx, db, c.Account, "account unlink", c.WABAID, "")
	return terminal.out.Printf("%s (%s at Meta) is no longer linked to account %s. Meta still reports its updates until the app is no longer subscribed there.\n",
		social.BusinessAccountID(unlinked), unlinked.MetaID, unlinked.AccountID)
}

type accountListCommand struct {
	stateFlags
	Account string `help:"List only what is linked to this account, 12 digits." placeholder:"DIGITS"`
	JSON    bool   `env:"-" help:"Print one JSON object per line; those with the member unlinked count what Meta's webhooks report and nobody has linked."`
}

// Run lists the linked accounts.
func (c *accountListCommand) Run(ctx context.Context, terminal *terminal) error {
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	linked, err := admin.LinkedAccounts(ctx, db, c.Account)
	if err != nil {
		return err
	}
	if !c.JSON {
		printAccounts(terminal, linked)
		return printUnlinked(ctx, terminal, db)
	}
	for _, account := range linked {
		numbers := []map[string]string{}
		for _, n := range account.PhoneNumbers {
			numbers = append(numbers, map[string]string{"phoneNumberId": social.PhoneNumberID(n), "metaPhoneNumberId": n.MetaID, "displayPhoneNumber": n.DisplayNumber, "name": n.VerifiedName, "qualityRating": n.QualityRating})
		}
		err := terminal.out.JSON(map[string]any{"account": account.AccountID, "id": social.BusinessAccountID(account), "wabaId": account.MetaID, "appId": account.AppID, "name": account.Name, "phoneNumbers": numbers})
		if err != nil {
			return err
		}
	}
	unlinked, err := db.UnlinkedUpdates(ctx)
	for _, u := range unlinked {
		if err := terminal.out.JSON(map[string]any{"unlinked": map[string]any{
			"wabaId": u.BusinessAccount, "phoneNumber": u.PhoneNumber, "appId": u.AppID, "updates": u.Updates, "firstAt": u.FirstAt.UTC(), "lastAt": u.LastAt.UTC(),
		}}); err != nil {
			return err
		}
	}
	return err
}

// printUnlinked prints what Meta's webhooks report and nobody has linked.
func printUnlinked(ctx context.Context, terminal *terminal, db *state.DB) error {
	unlinked, err := db.UnlinkedUpdates(ctx)
	if err != nil || len(unlinked) == 0 {
		return err
	}
	if err := terminal.out.Printf("\nMeta's webhooks report updates for these, which are not linked, and they are refused:\n"); err != nil {
		return err
	}
	table := terminal.out.Table("BUSINESS ACCOUNT AT META", "PHONE NUMBER AT META", "WITH APP", "UPDATES", "LAST")
	for _, u := range unlinked {
		table.Row(u.BusinessAccount, u.PhoneNumber, u.AppID, strconv.FormatInt(u.Updates, 10), u.LastAt.UTC().Format(time.RFC3339))
	}
	return table.Flush()
}

func printAccounts(terminal *terminal, linked []state.BusinessAccount) {
	table := terminal.out.Table("ACCOUNT", "ID", "AT META", "APP", "NAME")
	for _, account := range linked {
		table.Row(account.AccountID, social.BusinessAccountID(account), account.MetaID, account.AppID, account.Name)
		for _, n := range account.PhoneNumbers {
			table.Row("", social.PhoneNumberID(n), n.MetaID, "", n.DisplayNumber+" "+n.VerifiedName)
		}
	}
	_ = table.Flush()
}

// accountSetting is a command that turns a setting of an account on or off.
type accountSetting struct {
	stateFlags
	Account string `help:"Account, 12 digits." required:"" placeholder:"DIGITS"`
	Setting string `arg:"" enum:"on,off" help:"on or off."`
}

// change changes a setting, and prints what is on or off. It affects all later calls.
func (c *accountSetting) change(ctx context.Context, terminal *terminal, what string, setting state.Setting) error {
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := admin.Set(ctx, db, c.Account, setting, c.Setting == "on"); err != nil {
		return err
	}
	terminal.record(ctx, db, c.Account, "account setting", "", what+": "+c.Setting)
	return terminal.out.Printf("%s is %s for account %s.\n", what, c.Setting, c.Account)
}

type accountReuseCommand struct{ accountSetting }

// Run turns reuse on or off.
func (c *accountReuseCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.change(ctx, terminal, "Reuse of media", state.Reuse)
}

type accountVerifyCommand struct{ accountSetting }

// Run turns verification on or off.
func (c *accountVerifyCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.change(ctx, terminal, "Verification of uploads", state.Verify)
}

type accountLinkToIDCommand struct{ accountSetting }

// Run turns link to id on or off.
func (c *accountLinkToIDCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.change(ctx, terminal, "Link to id", state.LinkToID)
}

type accountTextAsPlainCommand struct{ accountSetting }

// Run turns the sending of text formats as text/plain on or off.
func (c *accountTextAsPlainCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.change(ctx, terminal, "Sending of text files as text/plain", state.TextAsPlain)
}
