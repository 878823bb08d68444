package media

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"strconv"
	"strings"
)

// A PDF that is encrypted has two passwords. Viewers try the user password "" first: with it
// the many files open that have only an owner password, which forbids printing or changes.

// standardHandler is the name of the only encryption by password.
const standardHandler = "/Standard"

// passwordPadding completes passwords to 32 bytes (docs/references.md#pdf, §7.6.3.3).
const passwordPadding = "\x28\xbf\x4e\x5e\x4e\x75\x8a\x41\x64\x00\x4e\x56\xff\xfa\x01\x08\x2e\x2e\x00\xb6\xd0\x68\x3e\x80\x2f\x0c\xa9\xfe\x64\x53\x69\x7a"

// opensWithoutPassword reports whether the empty user password opens a PDF with this
// encryption dictionary, and with these entries of its trailer. It returns false for ok if
// the dictionary does not say.
func opensWithoutPassword(encrypt, trailer map[string]string) (opens, ok bool) {
	owner, ok1 := pdfString(encrypt["O"])
	user, ok2 := pdfString(encrypt["U"])
	if !ok1 || !ok2 || len(owner) < 32 || len(user) < 32 {
		return false, false
	}
	switch revision := encrypt["R"]; revision {
	case "2", "3", "4":
		key, id, ok := emptyPasswordKey(encrypt, trailer, owner[:32])
		if !ok {
			return false, false
		}
		if revision == "2" {
			return bytes.Equal(rc4Of(key, []byte(passwordPadding)), user[:32]), true
		}
		check := md5.Sum(append([]byte(passwordPadding), id...))
		data := rc4Of(key, check[:])
		for i := byte(1); i < 20; i++ {
			data = rc4Of(xored(key, i), data)
		}
		return bytes.Equal(data, user[:16]), true
	case "5", "6": // a hash, then 8 bytes of salt for the check
		if len(user) < 40 {
			return false, false
		}
		hash := sha256.Sum256(user[32:40])
		if revision == "6" {
			hash = hardenedHash(hash)
		}
		return bytes.Equal(hash[:], user[:32]), true
	}
	return false, false
}

// emptyPasswordKey is the key for the empty user password, and the identifier of the file
// that is part of it (docs/references.md#pdf, algorithm 2).
func emptyPasswordKey(encrypt, trailer map[string]string, owner []byte) (key, id []byte, ok bool) {
	permissions, err := strconv.ParseInt(encrypt["P"], 10, 64)
	if ids := trailer["ID"]; ids != "" {
		first, _ := pdfToken(strings.TrimPrefix(ids, "["))
		id, ok = pdfString(first)
	}
	length := 5 // of the first version
	switch bits, wrong := strconv.Atoi(encrypt["Length"]); {
	case encrypt["V"] == "4":
		length = 16
	case encrypt["R"] == "3" && encrypt["V"] != "1" && wrong == nil:
		length = bits / 8
	}
	if err != nil || !ok || length < 5 || length > 16 {
		return nil, nil, false
	}
	data := append([]byte(passwordPadding), owner...)
	data = append(binary.LittleEndian.AppendUint32(data, uint32(permissions)), id...)
	if encrypt["R"] == "4" && encrypt["EncryptMetadata"] == "false" {
		data = append(data, 0xff, 0xff, 0xff, 0xff)
	}
	hash := md5.Sum(data)
	if encrypt["R"] != "2" {
		for range 50 {
			hash = md5.Sum(hash[:length])
		}
	}
	return hash[:length], id, true
}

// hardenedHash is the hash of the empty user password in revision 6, from that of revision 5
// (docs/references.md#pdf-aes256, algorithm 2.B). It ends after 288 rounds at the latest.
func hardenedHash(first [sha256.Size]byte) (hash [sha256.Size]byte) {
	key := first[:]
	for round, last := 0, byte(0); round < 64 || int(last) > round-32; round++ {
		data := bytes.Repeat(key, 64)
		block, _ := aes.NewCipher(key[:16]) // a key of 16 bytes is valid
		cipher.NewCBCEncrypter(block, key[16:32]).CryptBlocks(data, data)
		last = data[len(data)-1]
		sum := 0 // 256 is 1 modulo 3, so the sum of the bytes has the remainder of their number
		for _, b := range data[:16] {
			sum += int(b)
		}
		switch sum % 3 {
		case 0:
			next := sha256.Sum256(data)
			key = next[:]
		case 1:
			next := sha512.Sum384(data)
			key = next[:]
		default:
			next := sha512.Sum512(data)
			key = next[:]
		}
	}
	copy(hash[:], key)
	return hash
}

func rc4Of(key, data []byte) []byte {
	out := make([]byte, len(data))
	c, err := rc4.NewCipher(key)
	if err != nil { // keys have 5 to 16 bytes
		return nil
	}
	c.XORKeyStream(out, data)
	return out
}

func xored(key []byte, with byte) []byte {
	out := bytes.Clone(key)
	for i := range out {
		out[i] ^= with
	}
	return out
}
