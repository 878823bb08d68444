// ferry dev: everything embedded, kept running.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ferry/internal/local"
)

type devCommand struct {
	PortBase int    `help:"The API listens on this port, the WhatsApp simulator on the next, S3 on the one after; the simulator's control API on the fourth after. Default: ${default}." default:"4080" placeholder:"PORT"`
	Data     string `help:"Directory to keep accounts, keys, buckets and media in, for one ferry at a time. Default: in memory." placeholder:"DIR"`
	Region   string `help:"Region that callers sign for and that ARNs name." default:"us-east-1"`
	EnvFile  string `help:"File to write the environment to, as lines for a shell, once everything answers." placeholder:"FILE"`
}

// Run starts the world, says how to reach it, and waits for a signal.
func (c *devCommand) Run(ctx context.Context, terminal *terminal) (err error) {
	world, err := local.Start(ctx, local.Config{Region: c.Region, PortBase: c.PortBase, Data: c.Data, Logger: terminal.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	lines := environment(world)
	if c.EnvFile != "" {
		if err := writeEnvFile(c.EnvFile, lines); err != nil {
			return err
		}
		defer os.Remove(c.EnvFile) // what it says is true only while this runs
	}
	fmt.Fprintf(terminal.out, `ferry is up. Nothing of it leaves this machine.

  API                %s
  WhatsApp simulator %s
  its control API    %s
  S3                 %s   bucket %s

To use it, set in the shell of your program:

%s
Then, for example:

  aws socialmessaging list-linked-whatsapp-business-accounts
  echo hello > hello.txt && aws s3 cp hello.txt s3://$FERRY_BUCKET/
  aws socialmessaging post-whatsapp-message-media --origination-phone-number-id $FERRY_PHONE_NUMBER_ID \
      --source-s3-file bucketName=$FERRY_BUCKET,key=hello.txt

Ctrl-C stops it.
`, world.APIURL, world.SimulatorURL, world.ControlURL, world.S3URL, local.Bucket, indent(lines))
	defer terminal.onAbort(world.Stop)()
	return world.Wait(ctx)
}

// environment gives the lines that point SDKs, the AWS CLI and ferry's own
// clients at a world.
func environment(world *local.Environment) string {
	var lines strings.Builder
	for _, variable := range [][2]string{
		{"AWS_ENDPOINT_URL_SOCIALMESSAGING", world.APIURL},
		{"AWS_ENDPOINT_URL_S3", world.S3URL},
		{"AWS_ACCESS_KEY_ID", world.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", world.SecretAccessKey.Reveal()},
		{"AWS_REGION", world.Region},
		{"AWS_DEFAULT_REGION", world.Region},
		{"FERRY_WABA_ID", world.BusinessAccountID},
		{"FERRY_PHONE_NUMBER_ID", world.PhoneNumberID},
		{"FERRY_BUCKET", local.Bucket},
		{"FERRY_SIMULATOR_URL", world.SimulatorURL},
		{"FERRY_SIMULATOR_CONTROL_URL", world.ControlURL},
		{"FERRY_SIMULATOR_TOKEN", world.MetaToken.Reveal()},
	} {
		fmt.Fprintf(&lines, "export %s='%s'\n", variable[0], variable[1]) // no value has a quote
	}
	return lines.String()
}

func indent(lines string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n  ") + "\n"
}

// writeEnvFile makes the file appear whole: whoever waits for it can read it at once.
func writeEnvFile(path, lines string) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = temporary.WriteString(lines)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
