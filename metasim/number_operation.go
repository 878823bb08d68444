// The edges by which numbers are made, verified and registered
// (docs/references.md#graph-phone-numbers).

package metasim

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"
)

var numberOperations = []operation{
	{name: OperationCreateNumber, method: "POST", pattern: "/{version}/{account}/phone_numbers", auth: ownersToken, serve: (*Server).createNumber,
		parameters: []string{"cc", "phone_number", "verified_name", "migrate_phone_number", "preverified_id"}, place: inBody},
	{name: OperationRequestCode, method: "POST", pattern: "/{version}/{phone_number}/request_code", auth: ownersToken, serve: (*Server).requestCode,
		parameters: []string{"code_method", "language"}, place: inBody},
	{name: OperationVerifyCode, method: "POST", pattern: "/{version}/{phone_number}/verify_code", auth: ownersToken, serve: (*Server).verifyCode,
		parameters: []string{"code"}, place: inBody},
	{name: OperationRegister, method: "POST", pattern: "/{version}/{phone_number}/register", auth: ownersToken, serve: (*Server).register,
		parameters: []string{"messaging_product", "pin", "data_localization_region", "backup"}, place: inBody},
	{name: OperationDeregister, method: "POST", pattern: "/{version}/{phone_number}/deregister", auth: ownersToken, serve: (*Server).deregister,
		parameters: []string{"messaging_product"}, place: inBody},
}

// createNumber adds a number to an account. It is verified and registered later.
func (s *Server) createNumber(c *call) (any, *apiError) {
	for _, name := range []string{"cc", "phone_number", "verified_name"} {
		if c.parameters.get(name) == "" {
			return nil, missingParameter(name)
		}
	}
	for _, name := range []string{"migrate_phone_number", "preverified_id"} {
		if value := c.parameters.get(name); value != "" && value != "false" {
			return nil, c.notSimulated("the parameter "+name, "Send the request without it.")
		}
	}
	code, number := digits(c.parameters.get("cc")), digits(c.parameters.get("phone_number"))
	national := strings.TrimPrefix(number, code)
	if len(number) <= 10 && !strings.HasPrefix(number, code) {
		national = number
	}
	if code == "" || len(code) > 3 || !isWAID(code+national) {
		return nil, parameterError("Param phone_number must be a phone number, without the plus.")
	}
	name := c.parameters.get("verified_name")
	if refusal := checkVerifiedName("verified_name", name); refusal != nil {
		return nil, refusal
	}
	s.numbers.mu.Lock()
	defer s.numbers.mu.Unlock()
	count := 0
	for _, p := range s.phones.list() {
		if digits(p.DisplayPhoneNumber) == code+national && p.accountID == c.id {
			return nil, numberError(100, 2388012, "Phone Number Already Exists", "You already have this phone number in your list.")
		}
		if p.accountID == c.id {
			count++
		}
	}
	if count >= maxNumbersOfAccount {
		return nil, numberError(100, 2388112, "Phone Numbers Count Exceeded Limit Per Business", "The business has the maximum number of phone numbers.")
	}
	row := numberRow{Made: true, Created: s.Now(), Number: Number{
		ID: s.newMediaID(), AccountID: c.id, Display: "+" + code + " " + national, Name: name, Status: "UNVERIFIED", Platform: notApplicable,
		Verified: "NOT_VERIFIED", NameStatus: nameNotReviewed, Quality: "UNKNOWN", Tier: "TIER_250", Onboarded: s.Now().UTC().Format(metaTime)}}
	if err := s.putNumber(row); err != nil {
		return nil, c.storageError(err)
	}
	return uploadResult{row.ID}, nil
}

// numberError is an error with a title, as captured from Meta.
func numberError(code, subcode int, title, text string) *apiError {
	e := codeError(code, "")
	if code == 100 {
		e = parameterError("Invalid parameter")
	}
	e.subcode, e.userTitle, e.userMsg = subcode, title, text
	return e
}

func checkVerifiedName(parameter, name string) *apiError {
	if n := characters(name); n < minVerifiedName || n > maxVerifiedName {
		return parameterError("Param %s must have %d to %d characters.", parameter, minVerifiedName, maxVerifiedName)
	}
	return nil
}

// requestCode sends a code to a number, which the control API shows.
func (s *Server) requestCode(c *call) (any, *apiError) {
	method := strings.ToUpper(c.parameters.get("code_method"))
	switch {
	case method == "":
		return nil, missingParameter("code_method")
	case method != "SMS" && method != "VOICE":
		return nil, parameterError("Param code_method must be one of {SMS, VOICE} - got \"%s\".", truncate(method))
	case c.parameters.get("language") == "":
		return nil, missingParameter("language")
	}
	return s.changeNumber(c, func(row *numberRow) *apiError {
		now := s.Now()
		switch {
		case row.Verified == "VERIFIED":
			return numberError(136024, 0, "Phone number is verified", "You have already verified the ownership of this phone number.")
		case since(row.Codes, now, time.Hour) >= maxCodesPerHour:
			return numberError(136024, 2388091, "Cannot send code", "Our servers are temporarily unavailable. Wait 1 hour and try again.")
		}
		row.Codes = with(row.Codes, now, time.Hour)
		row.Code, row.CodeExpires = s.random.digits(6), now.Add(codeLife)
		return nil
	})
}

// verifyCode verifies a number. The code may have a hyphen.
func (s *Server) verifyCode(c *call) (any, *apiError) {
	code := c.parameters.get("code")
	if code == "" {
		return nil, missingParameter("code")
	}
	return s.changeNumber(c, func(row *numberRow) *apiError {
		if row.Code == "" || !s.Now().Before(row.CodeExpires) || subtle.ConstantTimeCompare([]byte(digits(code)), []byte(row.Code)) == 0 {
			return numberError(136025, 0, "Couldn't verify code", "The code is wrong, or has expired.")
		}
		row.Code, row.CodeExpires, row.Verified = "", time.Time{}, "VERIFIED"
		if row.Status == "UNVERIFIED" {
			row.Status = "PENDING"
		}
		return nil
	})
}

// kept makes a refusal one that keeps what the operation has counted.
func (e *apiError) kept() *apiError {
	e.changes = true
	return e
}

// isPIN reports whether a text is a PIN of two-step verification.
func isPIN(pin string) bool { return len(pin) == 6 && digits(pin) == pin }

// register makes a number one that sends messages. The PIN is set, or must be that of the
// number.
func (s *Server) register(c *call) (any, *apiError) {
	product, pin := c.parameters["messaging_product"], c.parameters.get("pin")
	if product.value == "" {
		return nil, missingParameter("messaging_product")
	}
	if refusal := checkProduct(product.value); refusal != nil {
		return nil, refusal
	}
	region := strings.ToLower(c.parameters.get("data_localization_region"))
	switch {
	case pin == "":
		return nil, missingParameter("pin")
	case !isPIN(pin):
		return nil, parameterError("Param pin must have 6 digits.")
	case region != "" && !slices.Contains(localRegions, region):
		return nil, parameterError("Param data_localization_region must be one of {%s} - got \"%s\".", strings.ToUpper(strings.Join(localRegions, ", ")), truncate(c.parameters.get("data_localization_region")))
	case c.parameters.get("backup") != "":
		return nil, c.notSimulated("the parameter backup", "Send the request without it.")
	}
	return s.changeNumber(c, func(row *numberRow) *apiError {
		if refusal := s.countRegistration(row); refusal != nil {
			return refusal
		}
		now := s.Now()
		switch {
		case row.Verified != "VERIFIED":
			return codeError(133006, "").kept()
		case row.PIN != "" && since(row.Guesses, now, time.Hour) >= maxPINGuesses:
			left := time.Hour - now.Sub(row.Guesses[0])
			return codeError(133008, fmt.Sprintf("Too many two step verification PIN guesses for this phone number. Please try again in %d seconds.", int(left/time.Second))).kept()
		case row.PIN != "" && subtle.ConstantTimeCompare([]byte(row.PIN), []byte(pin)) == 0:
			row.Guesses = with(row.Guesses, now, time.Hour)
			return codeError(133005, "").kept()
		}
		row.PIN, row.Guesses = pin, nil
		row.Status, row.Platform, row.Onboarded = "CONNECTED", "CLOUD_API", now.UTC().Format(metaTime)
		return nil
	})
}

// countRegistration counts the calls that register and deregister a number, also those
// that fail, and refuses too many.
func (s *Server) countRegistration(row *numberRow) *apiError {
	now := s.Now()
	if since(row.Registrations, now, registrationPeriod) >= maxRegistrations {
		return s.errorFor(133016)
	}
	row.Registrations = with(row.Registrations, now, registrationPeriod)
	return nil
}

// deregister makes a number one that cannot send. It can be registered again.
func (s *Server) deregister(c *call) (any, *apiError) {
	if s.phone(c.id).Fields["is_on_biz_app"] == true {
		return nil, parameterError("A phone number that is used in the WhatsApp Business app cannot be deregistered.")
	}
	return s.changeNumber(c, func(row *numberRow) *apiError {
		if refusal := s.countRegistration(row); refusal != nil {
			return refusal
		}
		if row.Platform != "CLOUD_API" {
			return codeError(133010, "").kept()
		}
		row.Status, row.Platform = "DISCONNECTED", notApplicable
		return nil
	})
}

// changeNumberNode sets the PIN, or asks for another name.
func (s *Server) changeNumberNode(c *call) (any, *apiError) {
	pin, hasPIN := c.parameters["pin"]
	name, hasName := c.parameters["new_display_name"]
	return s.changeNumber(c, func(row *numberRow) *apiError {
		if hasPIN {
			if !isPIN(pin.value) {
				return parameterError("Param pin must have 6 digits.")
			}
			row.PIN, row.Guesses = pin.value, nil
		}
		if hasName {
			if refusal := checkVerifiedName("new_display_name", name.value); refusal != nil {
				return refusal
			}
			row.NewName, row.NewStatus = name.value, nameNotReviewed
		}
		return nil
	})
}
