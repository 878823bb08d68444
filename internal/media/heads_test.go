package media

import (
	"encoding/binary"
	"strings"
)

// Heads of files, as short as possible.
var (
	headPNG  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00"
	headJPEG = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
	headGIF  = "GIF89a\x01\x00\x01\x00\x00\x00\x00"
	headWAV  = "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00"
	headHTML = "<!DOCTYPE html><html><head><title>403</title></head></html>"
	headCSV  = "name,amount\nAda,1\nBob,2\n"
	headJSON = `{"error": "not found"}`
	headPDF  = "%PDF-1.7\n1 0 obj\n<< >>\nendobj\n"
	headAMR  = "#!AMR\n\x04\x00\x00\x00"
	headADTS = "\xff\xf1\x50\x80\x02\x1f\xfc\xde"
	headMP3  = "\xff\xfb\x90\x64\x00\x00\x00\x00"
	headID3  = "ID3\x04\x00\x00\x00\x00\x00\x02\x00\x00"
	headOLE  = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600)
	headRTF  = `{\rtf1\ansi Hello}`
	headEXE  = "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"
	headWebM = "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm\x42\x87\x81\x04"
	headJunk = "\x00\x01\x02\x03\x04\x05\x06\x07\x88\x99"
)

// ftyp is the first box of an MP4 file with a major and compatible brands.
func ftyp(major string, compatible ...string) string {
	body := "ftyp" + major + "\x00\x00\x02\x00" + strings.Join(compatible, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))) + body + "\x00\x00\x00\x08free"
}

// oggPage is a page with one packet; flags 2 begins a stream.
func oggPage(flags byte, packet string) string {
	return "OggS\x00" + string(flags) + strings.Repeat("\x00", 20) + "\x01" + string([]byte{byte(len(packet))}) + packet
}

// oggOf is an Ogg file that begins with these streams.
func oggOf(packets ...string) string {
	var file string
	for _, p := range packets {
		file += oggPage(2, p)
	}
	return file + oggPage(0, "OpusTags")
}

const opusHead = "OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"

// zipOf is the start of a ZIP with empty members of these names.
func zipOf(names ...string) string {
	var file string
	for _, name := range names {
		size := string(binary.LittleEndian.AppendUint16(nil, uint16(len(name))))
		file += "PK\x03\x04\x14\x00\x00\x00\x00\x00" + strings.Repeat("\x01", 16) + size + "\x00\x00" + name
	}
	return file
}

// webpOf is a WebP whose first chunk has this name and first byte of payload.
func webpOf(chunk string, flags byte) string {
	return "RIFF\x1a\x00\x00\x00WEBP" + chunk + "\x0a\x00\x00\x00" + string([]byte{flags}) + "\x00\x00\x00\xff\x01\x00\xff\x01\x00"
}
