#!/usr/bin/env bash
# Makes the sample files beside this script. Needs ffmpeg, cwebp (Debian: ffmpeg, webp)
# and python3. Every encoder runs on one thread and writes no version or date, so that
# two runs on one release of the tools give the same bytes.
#
#   internal/sample/files/generate.sh [DIR]     # default: beside the script
set -euo pipefail
cd "${1:-$(dirname "$0")}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

exact=(-map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -threads 1)
encode() { ffmpeg -nostdin -y -loglevel error "$@"; }
tone=(-f lavfi -i sine=frequency=440:duration=2)
pattern() { printf '%s\n' "testsrc=size=$1:rate=$2:duration=$3"; }
# x264 writes its version and options into an SEI unit (type 6); drop it.
h264=(-c:v libx264 -preset slow -crf 30 -bf 0 -pix_fmt yuv420p -bsf:v filter_units=remove_types=6)

# Images. A sticker is 512x512.
encode -f lavfi -i "$(pattern 640x360 1 1)" -frames:v 1 -pix_fmt yuvj420p -q:v 4 "${exact[@]}" sample.jpg
encode -f lavfi -i "$(pattern 320x180 1 1)" -frames:v 1 -pix_fmt rgb24 "${exact[@]}" sample.png
encode -f lavfi -i "$(pattern 512x512 1 1)" -frames:v 1 "${exact[@]}" "$work/sticker.png"
cwebp -quiet -q 60 "$work/sticker.png" -o sticker-static.webp
encode -f lavfi -i "$(pattern 512x512 8 1.5)" -c:v libwebp_anim -loop 0 -q:v 30 "${exact[@]}" sticker-animated.webp

# Videos: what plays everywhere is H.264 Main or Baseline without B-frames, with AAC,
# and the index at the front.
encode -f lavfi -i "$(pattern 320x180 15 2)" "${tone[@]}" "${h264[@]}" -profile:v main \
  -c:a aac -b:a 48k -ac 1 -movflags +faststart "${exact[@]}" sample.mp4
encode -f lavfi -i "$(pattern 176x144 12 2)" "${tone[@]}" "${h264[@]}" -profile:v baseline \
  -c:a aac -b:a 24k -ar 16000 -ac 1 -movflags +faststart "${exact[@]}" sample.3gp

# Audio, one channel.
encode "${tone[@]}" -c:a libopus -b:a 24k -ac 1 -application voip "${exact[@]}" voice.ogg
encode "${tone[@]}" -c:a libmp3lame -b:a 32k -ac 1 -write_xing 0 "${exact[@]}" sample.mp3
encode "${tone[@]}" -c:a aac -b:a 48k -ac 1 -movflags +faststart "${exact[@]}" sample.m4a
encode "${tone[@]}" -c:a aac -b:a 48k -ac 1 -f adts "${exact[@]}" sample.aac

# AMR, PDF, OOXML and text, which need no encoder.
python3 - <<'PYTHON'
import zipfile

# Debian's ffmpeg has no AMR encoder. A frame of 12 zero bytes after the header 04
# (mode 0, 4.75 kbit/s, good quality) is 20 ms of silence.
open('sample.amr', 'wb').write(b'#!AMR\n' + (b'\x04' + bytes(12)) * 100)

open('sample.txt', 'w', encoding='utf-8', newline='').write(
    'A sample text file of ferry.\nGrüße, naïve café, 東京, 🚢\n')


def pdf(path, line):
    stream = f'BT /F1 24 Tf 72 720 Td ({line}) Tj ET'.encode()
    objects = [
        b'<< /Type /Catalog /Pages 2 0 R >>',
        b'<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
        b'<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R\n'
        b'   /Resources << /Font << /F1 5 0 R >> >> >>',
        b'<< /Length %d >>\nstream\n%s\nendstream' % (len(stream), stream),
        b'<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ]
    out, offsets = b'%PDF-1.4\n%\xe2\xe3\xcf\xd3\n', []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b'%d 0 obj\n%s\nendobj\n' % (number, body)
    xref = len(out)
    out += b'xref\n0 %d\n0000000000 65535 f \n' % (len(objects) + 1)
    out += b''.join(b'%010d 00000 n \n' % offset for offset in offsets)
    out += b'trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n' % (len(objects) + 1, xref)
    open(path, 'wb').write(out)


HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
PACKAGE = 'http://schemas.openxmlformats.org/package/2006/'
OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
MAIN = 'application/vnd.openxmlformats-officedocument.'


def types(**parts):
    rows = ''.join(f'<Override PartName="{name}" ContentType="{MAIN}{kind}+xml"/>' for kind, name in parts.values())
    return (f'{HEAD}<Types xmlns="{PACKAGE}content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{rows}</Types>')


def rels(kind, target):
    return (f'{HEAD}<Relationships xmlns="{PACKAGE}relationships">'
            f'<Relationship Id="rId1" Type="{OFFICE}/{kind}" Target="{target}"/></Relationships>')


def ooxml(path, members):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, text in members:  # detectors look at the order: the types first
            z.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)


pdf('sample.pdf', 'A sample PDF of ferry.')
ooxml('sample.docx', [
    ('[Content_Types].xml', types(a=('wordprocessingml.document.main', '/word/document.xml'))),
    ('word/document.xml', HEAD + '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
     '<w:body><w:p><w:r><w:t>A sample document of ferry.</w:t></w:r></w:p></w:body></w:document>'),
    ('_rels/.rels', rels('officeDocument', 'word/document.xml')),
])
ooxml('sample.xlsx', [
    ('[Content_Types].xml', types(a=('spreadsheetml.sheet.main', '/xl/workbook.xml'),
                                  b=('spreadsheetml.worksheet', '/xl/worksheets/sheet1.xml'))),
    ('xl/workbook.xml', HEAD + '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
     f'xmlns:r="{OFFICE}"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>'),
    ('xl/_rels/workbook.xml.rels', rels('worksheet', 'worksheets/sheet1.xml')),
    ('xl/worksheets/sheet1.xml', HEAD + '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
     '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>A sample sheet of ferry.</t></is></c>'
     '<c r="B1"><v>42</v></c></row></sheetData></worksheet>'),
    ('_rels/.rels', rels('officeDocument', 'xl/workbook.xml')),
])
PYTHON
