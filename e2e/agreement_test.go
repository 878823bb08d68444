package e2e

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"testing"

	"ferry/internal/sample"
)

// Short names of content types.
const (
	docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	pptxType = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
)

// The permitted differences, in the words of docs/compatibility.md.
const (
	onlyContainer = "which kind of Office file"
	onlyHead      = "what follows the first 4 KiB"
	onlyOutside   = "codecs, channels, dimensions"
	tracksDecide  = "sent as what its tracks are"
)

// A typedFile has first bytes about whose type the gateway and the simulator could disagree.
type typedFile struct {
	about, name, contentType string
	data                     string
	accepted                 bool   // by the gateway; by the simulator, too, unless they differ
	differs                  string // the documented difference; empty means none
}

// typedFiles returns the files. Those that are accepted are complete, so that the
// gateway has no other finding about them.
func typedFiles(t *testing.T) []typedFile {
	whole := func(name string) string { return string(sampleFile(t, name).Data) }
	mp4, m4a, threeGP, aac, mp3 := whole("sample.mp4"), whole("sample.m4a"), whole("sample.3gp"), whole("sample.aac"), whole("sample.mp3")
	opus, pdf, docx, jpeg, webp := whole("voice.ogg"), whole("sample.pdf"), whole("sample.docx"), whole("sample.jpg"), whole("sticker-static.webp")
	csv := strings.Repeat("name;amount\n", 1000)
	const comment = "\xff\xfe\x00\x0bmade %PDF-"
	return append(typedSounds(opus, aac, mp3), []typedFile{
		{about: "MP4 of Android's recorder", name: "a.mp4", contentType: "video/mp4", data: branded(mp4, "3gp4"), accepted: true},
		{about: "MP4 with the brand of 3GPP release 6", name: "a.mp4", contentType: "video/mp4", data: branded(mp4, "3gp6"), accepted: true},
		{about: "M4A of Android's recorder", name: "a.m4a", contentType: "audio/mp4", data: branded(m4a, "3gp4"), accepted: true},
		{about: "M4A with a general brand", name: "a.m4a", contentType: "audio/mp4", data: branded(m4a, "isom"), accepted: true},
		{about: "3GP with a general brand", name: "a.3gp", contentType: "video/3gpp", data: branded(threeGP, "isom"), accepted: true},
		{about: "3GP with the brand of MPEG-4", name: "a.3gp", contentType: "video/3gpp", data: branded(threeGP, "mp42"), accepted: true},
		{about: "Apple's video", name: "a.mp4", contentType: "video/mp4", data: branded(mp4, "M4V "), accepted: true},
		{about: "sound in a container for video", name: "a.mp4", contentType: "video/mp4", data: branded(m4a, "isom"), accepted: true},
		{about: "sound of Android's recorder as AAC", name: "a.aac", contentType: "audio/aac", data: branded(m4a, "mp42"), accepted: true, differs: tracksDecide},
		{about: "Apple's sound without a picture as video", name: "a.mp4", contentType: "video/mp4", data: branded(m4a, "M4A "), accepted: true, differs: tracksDecide},
		{about: "sound in 3GP as a type that says nothing", name: "voice", contentType: "application/octetstream", data: branded(m4a, "3gp4"), accepted: true, differs: tracksDecide},
		{about: "Apple's sound as video", name: "a.mp4", contentType: "video/mp4", data: branded(mp4, "M4A ")},
		{about: "Apple's sound as 3GP", name: "a.3gp", contentType: "video/3gpp", data: branded(threeGP, "M4A ")},
		{about: "Apple's video as sound", name: "a.m4a", contentType: "audio/mp4", data: branded(m4a, "M4V ")},
		{about: "QuickTime", name: "a.mp4", contentType: "video/mp4", data: branded(mp4, "qt  ")},
		{about: "3GPP2", name: "a.3gp", contentType: "video/3gpp", data: branded(threeGP, "3g2a")},
		{about: "HEIC", name: "a.mp4", contentType: "video/mp4", data: branded(mp4, "heic")},
		{about: "an index without a type box", name: "a.mp4", contentType: "video/mp4", data: mp4[ftypLength(mp4):]},

		{about: "docx with a password", name: "a.docx", contentType: docxType, data: ole2(), accepted: true},
		{about: "xlsx with a password", name: "a.xlsx", contentType: xlsxType, data: ole2(), accepted: true},
		{about: "pptx with a password", name: "a.pptx", contentType: pptxType, data: ole2(), accepted: true},
		{about: "old Word", name: "a.doc", contentType: "application/msword", data: ole2(), accepted: true},
		{about: "docx as old Word", name: "a.doc", contentType: "application/msword", data: docx, accepted: true},
		{about: "rich text as old Word", name: "a.doc", contentType: "application/msword", data: `{\rtf1\ansi Hello}`, accepted: true},
		{about: "a table of HTML as Excel", name: "a.xls", contentType: "application/vnd.ms-excel", data: "<html><table><tr><td>1</table>", accepted: true},
		{about: "XML as Excel", name: "a.xls", contentType: "application/vnd.ms-excel", data: "<?xml version=\"1.0\"?>\n<?mso-application progid=\"Excel.Sheet\"?>\n<Workbook/>", accepted: true},
		{about: "CSV as Excel", name: "a.xls", contentType: "application/vnd.ms-excel", data: csv, accepted: true},
		{about: "Excel 4", name: "a.xls", contentType: "application/vnd.ms-excel", data: "\x09\x04\x06\x00\x00\x00\x10\x00", accepted: true},
		{about: "a web page as old Word", name: "a.doc", contentType: "application/msword", data: "<!DOCTYPE html><html></html>"},
		{about: "JSON as Excel", name: "a.xls", contentType: "application/vnd.ms-excel", data: "{\"error\": \"denied\"}", differs: onlyContainer},
		{about: "a picture as old Word", name: "a.doc", contentType: "application/msword", data: jpeg},
		{about: "docx as xlsx", name: "a.xlsx", contentType: xlsxType, data: docx, differs: onlyContainer},
		{about: "an archive as docx", name: "a.docx", contentType: docxType, data: strings.ReplaceAll(docx, "word/", "lost/"), differs: onlyContainer},

		{about: "PDF after a byte order mark", name: "a.pdf", contentType: "application/pdf", data: "\xef\xbb\xbf" + pdf, accepted: true},
		{about: "PDF after a printer's commands", name: "a.pdf", contentType: "application/pdf", data: "\x1b%-12345X@PJL ENTER LANGUAGE=PDF\r\n" + pdf, accepted: true},
		{about: "PDF after 1019 bytes", name: "a.pdf", contentType: "application/pdf", data: strings.Repeat("\x01", 1019) + pdf, accepted: true},
		{about: "PDF after 1020 bytes", name: "a.pdf", contentType: "application/pdf", data: strings.Repeat("\x01", 1020) + pdf, accepted: true},
		{about: "PDF with an odd header", name: "a.pdf", contentType: "application/pdf", data: "%PDF1.4" + pdf[8:], accepted: true},
		{about: "PDF without an end", name: "a.pdf", contentType: "application/pdf", data: pdf[:300], accepted: true},
		{about: "PDF with NUL bytes behind it", name: "a.pdf", contentType: "application/pdf", data: pdf + strings.Repeat("\x00", 18000), accepted: true},
		{about: "a web page as PDF", name: "a.pdf", contentType: "application/pdf", data: "<!DOCTYPE html><html></html>"},
		{about: "PDF as text", name: "a.txt", contentType: "text/plain", data: pdf},
		{about: "PDF after a byte order mark, as text", name: "a.txt", contentType: "text/plain", data: "\xef\xbb\xbf\r\n" + pdf},
		{about: "text about PDF", name: "a.txt", contentType: "text/plain", data: "It starts with %PDF-1.7.\n", accepted: true},
		{about: "a picture that mentions PDF", name: "a.jpg", contentType: "image/jpeg", data: jpeg[:2] + comment + jpeg[2:], accepted: true},
		{about: "a picture that mentions PDF, as PDF", name: "a.pdf", contentType: "application/pdf", data: jpeg[:2] + comment + jpeg[2:]},
		{about: "a picture as another", name: "a.png", contentType: "image/png", data: jpeg},
		{about: "WebP without a picture", name: "a.webp", contentType: "image/webp", data: strings.Replace(webp, "WEBPVP8", "WEBPEXI", 1)},

		{about: "text that begins with 0", name: "a.txt", contentType: "text/plain", data: "\x00" + csv, accepted: true},
		{about: "text with 0 in its first bytes", name: "a.csv", contentType: "text/plain", data: csv[:99] + "\x00" + csv[99:], accepted: true},
		{about: "text with 0 after its first 4 KiB", name: "a.csv", contentType: "text/plain", data: csv[:9999] + "\x00" + csv[9999:], accepted: true},
		{about: "UTF-16 without a byte order mark", name: "a.txt", contentType: "text/plain", data: "h\x00i\x00", accepted: true},
		{about: "UTF-16 with a byte order mark", name: "a.txt", contentType: "text/plain", data: "\xff\xfeh\x00i\x00", accepted: true},
		{about: "any bytes after a byte order mark", name: "a.txt", contentType: "text/plain", data: "\xef\xbb\xbf\x01\x02", accepted: true},
		{about: "text with vertical tabs", name: "a.csv", contentType: "text/plain", data: "a\vb;c\n", accepted: true},
		{about: "text of DOS", name: "a.txt", contentType: "text/plain", data: "a\r\n\x1a", accepted: true},
		{about: "text of a terminal", name: "a.log", contentType: "text/plain", data: "\x1b[1mbold\a\b", accepted: true},
		{about: "Latin-1", name: "a.txt", contentType: "text/plain", data: "Gr\xfc\xdfe", accepted: true},
		{about: "a web page", name: "a.html", contentType: "text/plain", data: "<!DOCTYPE html><html></html>", accepted: true},
		{about: "only zeros", name: "a.txt", contentType: "text/plain", data: strings.Repeat("\x00", 5000)},
		{about: "text after more zeros than are inspected", name: "a.log", contentType: "text/plain", data: strings.Repeat("\x00", 5000) + csv},
		{about: "a program", name: "a.txt", contentType: "text/plain", data: "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"},
		{about: "a picture as text", name: "a.txt", contentType: "text/plain", data: jpeg},
		{about: "an archive of text", name: "a.txt", contentType: "text/plain", data: tarOf("a.txt", "text\n")},
	}...)
}

// typedSounds returns the audio files among typedFiles.
func typedSounds(opus, aac, mp3 string) []typedFile {
	const flac = "fLaC\x00\x00\x00\x22\x10\x00\x10\x00\x00\x00\x00\x00\x00\x00"
	cut := mp3[strings.Index(mp3, "\xff\xfb")+7:] // in the middle of a frame
	vorbis := "OggS\x00\x02" + strings.Repeat("\x00", 20) + "\x01\x07\x01vorbis"
	first := 28 + int(opus[27]) // the length of the first page, which has one segment
	return []typedFile{
		{about: "AAC after a tag", name: "a.aac", contentType: "audio/aac", data: tag(20) + aac, accepted: true},
		{about: "AAC after a tag as MP3", name: "a.mp3", contentType: "audio/mpeg", data: tag(20) + aac},
		{about: "AAC as MP3", name: "a.mp3", contentType: "audio/mpeg", data: aac},
		{about: "AAC after a long tag", name: "a.aac", contentType: "audio/aac", data: tag(9000) + aac, accepted: true},
		{about: "AAC after a long tag as MP3", name: "a.mp3", contentType: "audio/mpeg", data: tag(9000) + aac, differs: onlyHead},
		{about: "MP3 after a tag", name: "a.mp3", contentType: "audio/mpeg", data: tag(20) + cut[strings.Index(cut, "\xff\xfb"):], accepted: true},
		{about: "MP3 after a long tag", name: "a.mp3", contentType: "audio/mpeg", data: tag(9000) + mp3, accepted: true},
		{about: "MP3 after a tag as AAC", name: "a.aac", contentType: "audio/aac", data: tag(20) + cut[strings.Index(cut, "\xff\xfb"):]},
		{about: "MP3 cut out of a stream", name: "a.mp3", contentType: "audio/mpeg", data: cut, accepted: true},
		{about: "FLAC after a tag as MP3", name: "a.mp3", contentType: "audio/mpeg", data: tag(20) + flac},
		{about: "text about tags", name: "a.mp3", contentType: "audio/mpeg", data: "ID3 tags explained"},
		{about: "Opus", name: "a.ogg", contentType: "audio/ogg", data: opus, accepted: true},
		{about: "Vorbis", name: "a.ogg", contentType: "audio/ogg", data: vorbis},
		{about: "Opus beside Vorbis", name: "a.ogg", contentType: "audio/ogg", data: opus[:first] + vorbis + opus[first:]},
		{about: "Opus beside Opus", name: "a.ogg", contentType: "audio/ogg", data: opus[:first] + opus[:first] + opus[first:], differs: onlyOutside},
		{about: "Opus without its first page", name: "a.ogg", contentType: "audio/ogg", data: "OggS\x00\x00" + opus[6:]},
		{about: "AMR wideband", name: "a.amr", contentType: "audio/amr", data: "#!AMR-WB\n\x04\x00"},
		{about: "Opus with two channels", name: "a.ogg", contentType: "audio/ogg", data: strings.Replace(opus, "OpusHead\x01\x01", "OpusHead\x01\x02", 1), differs: onlyOutside},
	}
}

// ftypLength returns the length of the first box of an MP4 file.
func ftypLength(data string) int { return int(data[2])<<8 + int(data[3]) }

// branded returns an MP4 file with one brand in place of all its major and compatible brands.
func branded(data, brand string) string {
	box := data[:8] + brand + data[12:16] + strings.Repeat(brand, (ftypLength(data)-16)/4)
	return box + data[len(box):]
}

// tag returns an ID3 tag with a body of size bytes.
func tag(size int) string {
	return "ID3\x04\x00\x00\x00\x00" + string([]byte{byte(size >> 7), byte(size & 0x7f)}) + strings.Repeat("\x00", size)
}

// ole2 returns an OLE2 container whose directory is not in its first bytes.
func ole2() string { return "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 5000) }

// tarOf returns a tar archive with one file.
func tarOf(name, content string) string {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	_ = w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644, Format: tar.FormatUSTAR})
	_, _ = io.WriteString(w, content)
	_ = w.Close()
	return archive.String()
}

// gatewayAccepts reports whether a file passes ferry's inspection, so that its
// upload to Meta starts. The error is that of the call.
func (w *devWorld) gatewayAccepts(key, contentType string, data []byte) (accepted bool, err error) {
	w.t.Helper()
	w.putObject(w.t, key, data, contentType)
	before := len(w.sim.uploads())
	client := goClient(w.values["AWS_ENDPOINT_URL_SOCIALMESSAGING"], w.key())
	_, err = client.PostWhatsAppMessageMedia(w.t.Context(), fromBucket(w.values["FERRY_PHONE_NUMBER_ID"], w.values["FERRY_BUCKET"], key))
	return len(w.sim.uploads()) > before, err
}

// simulatorAccepts uploads a file to the simulator directly, without ferry.
func (w *devWorld) simulatorAccepts(name, contentType string, data []byte) (accepted bool, body string) {
	w.t.Helper()
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	_ = writer.WriteField("messaging_product", "whatsapp")
	part, _ := writer.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf("form-data; name=\"file\"; filename=%q", name)}, "Content-Type": {contentType},
	})
	_, _ = part.Write(data)
	_ = writer.Close()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.sim.url+"/v25.0/"+metaPhone+"/media", &form)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+w.values["CLOUD_API_ACCESS_TOKEN"])
	request.Header.Set("Content-Type", writer.FormDataContentType())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode == http.StatusOK, string(text)
}

// The gateway's inspection and the simulator were written independently. Where
// they disagree about the same bytes, a user of ferry dev is told that WhatsApp
// does not accept a file that passed ferry, or a test passes that should fail. So
// they must agree, or docs/compatibility.md must state the difference.
func TestGatewayAndSimulatorAgreeAboutTypes(t *testing.T) {
	documents, err := os.ReadFile("../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	w := startDev(t, raceBuild)
	for _, file := range typedFiles(t) {
		byGateway, err := w.gatewayAccepts(file.name, file.contentType, []byte(file.data))
		byMeta, response := w.simulatorAccepts(file.name, file.contentType, []byte(file.data))
		if byGateway != file.accepted {
			t.Errorf("%s as %s: accepted by the gateway: %t; %v", file.about, file.contentType, byGateway, err)
		}
		if byMeta != (file.accepted != (file.differs != "")) {
			t.Errorf("%s as %s: accepted by the simulator: %t, by the gateway: %t; %s", file.about, file.contentType, byMeta, byGateway, response)
		}
		if !strings.Contains(string(documents), file.differs) {
			t.Errorf("docs/compatibility.md does not state the difference %q", file.differs)
		}
		if byGateway && byMeta && err != nil {
			t.Errorf("%s as %s: ferry declares another type to Meta: %v", file.about, file.contentType, err)
		}
	}
}

// Whatever is wrong with a file: if the gateway accepts it, so does the simulator.
func TestSimulatorTakesWhatTheGatewayLetsThrough(t *testing.T) {
	w := startDev(t, raceBuild)
	sent := 0
	files := slices.Clone(sample.BadFiles())
	for _, file := range sample.Files() {
		files = append(files, sample.BadFile{Name: file.Name, ContentType: file.ContentType, Data: file.Data})
	}
	for _, file := range files {
		accepted, err := w.gatewayAccepts(file.Name, file.ContentType, file.Data)
		if accepted && err != nil {
			t.Errorf("%s passed the gateway but not the simulator: %v", file.Name, err)
		}
		if accepted {
			sent++
		}
	}
	if sent < len(sample.Files()) {
		t.Errorf("%d of %d files passed the gateway, but %d are good", sent, len(files), len(sample.Files()))
	}
}
