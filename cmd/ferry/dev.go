// ferry dev: everything embedded, until a signal arrives.

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
	PortBase int    `help:"Port of the API. The WhatsApp simulator, S3 and the simulator's control API use the ports +1, +2 and +4; 0 means free ports. Default: ${default}." default:"4080" placeholder:"PORT"`
	Data     string `help:"Directory for accounts, keys, buckets and media. Only one process at a time may use it. Default: none, everything is in memory." placeholder:"DIR"`
	Region   string `help:"AWS region of the API: callers sign requests for it, and it is part of ARNs." default:"us-east-1"`
	EnvFile  string `help:"File that receives the environment variables as shell commands as soon as everything is ready; removed at the end." placeholder:"FILE"`
}

// Run starts the world, prints how to reach it, and waits for a signal.
func (c *devCommand) Run(ctx context.Context, terminal *terminal) (err error) {
	terminal.outliveReaders()
	world, err := local.Start(ctx, local.Config{Region: c.Region, PortBase: c.PortBase, Data: c.Data, Logger: terminal.log})
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, world.Close())
		terminal.logStopped(err)
	}()
	lines := environment(world)
	if c.EnvFile != "" {
		if err := writeEnvFile(c.EnvFile, lines); err != nil {
			return err
		}
		defer os.Remove(c.EnvFile) // its content is valid only while this runs
	}
	fmt.Fprintf(terminal.out, `ferry is ready. Everything runs on this machine; nothing is sent to Meta or AWS.

  API                %s
  WhatsApp simulator %s
  its control API    %s
  S3                 %s   bucket %s

To use it, set these variables in your program's shell:

%s
For example:

  aws socialmessaging list-linked-whatsapp-business-accounts
  echo hello > hello.txt && aws s3 cp hello.txt s3://$FERRY_BUCKET/
  aws socialmessaging post-whatsapp-message-media --origination-phone-number-id $FERRY_PHONE_NUMBER_ID \
      --source-s3-file bucketName=$FERRY_BUCKET,key=hello.txt

Press Ctrl-C to stop.
`, world.APIURL, world.SimulatorURL, world.ControlURL, world.S3URL, local.Bucket, indent(lines))
	defer terminal.onAbort(world.Stop)()
	return world.Wait(ctx)
}

// environment returns shell commands that point SDKs, the AWS CLI and ferry's
// own clients at a world.
func environment(world *local.World) string {
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
		fmt.Fprintf(&lines, "export %s='%s'\n", variable[0], variable[1]) // no value contains a quotation mark
	}
	return lines.String()
}

func indent(lines string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n  ") + "\n"
}

// writeEnvFile renames a complete file to path, so that a program that waits for
// the file never reads a part of it.
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
