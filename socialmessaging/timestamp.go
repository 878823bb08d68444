// Timestamps on the wire: seconds since 1970 as a JSON number, with the
// milliseconds as a fraction (epoch-seconds, docs/references.md#smithy-validation).

package socialmessaging

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// wireOptions encode and decode every body of the API.
var wireOptions = json.JoinOptions(
	json.Deterministic(true),
	json.WithMarshalers(json.MarshalToFunc(func(encoder *jsontext.Encoder, t time.Time) error {
		return encoder.WriteValue(jsontext.Value(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)))
	})),
	json.WithUnmarshalers(json.UnmarshalFromFunc(func(decoder *jsontext.Decoder, t *time.Time) error {
		token, err := decoder.ReadToken()
		if err != nil {
			return err
		}
		if token.Kind() != '0' {
			return fmt.Errorf("a timestamp is a number of seconds, not %v", token)
		}
		seconds, err := token.Float()
		if err != nil || math.Abs(seconds) > 1e11 { // the year 5138
			return fmt.Errorf("%v seconds since 1970 is out of range", seconds)
		}
		*t = time.UnixMilli(int64(math.Round(seconds * 1000)))
		return nil
	})),
)
