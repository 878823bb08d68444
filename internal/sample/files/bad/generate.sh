#!/usr/bin/env bash
# Makes the bad samples beside this script: each has one thing wrong that
# internal/media finds, and is called after the code of that finding. Needs ffmpeg with
# libx264, libx265, libopus, libmp3lame and libwebp, cwebp and python3; the rules of
# ../generate.sh hold.
#
#   internal/sample/files/bad/generate.sh [DIR]     # default: beside the script
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

exact=(-map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -threads 1)
encode() { ffmpeg -nostdin -y -loglevel error "$@"; }
pattern() { printf '%s\n' "testsrc=size=$1:rate=$2:duration=$3"; }
tone=(-f lavfi -i sine=frequency=440:duration=1)
picture=(-f lavfi -i "$(pattern 96x64 1 1)" -frames:v 1)
moving=(-f lavfi -i "$(pattern 96x64 12 1)")
# As in ../generate.sh: x264's SEI unit (type 6) names its version. HEVC's is type 39.
h264=(-c:v libx264 -preset slow -crf 32 -pix_fmt yuv420p -bsf:v filter_units=remove_types=6)
main=("${h264[@]}" -profile:v main -bf 0)
aac=(-c:a aac -b:a 32k -ac 1)
front=(-movflags +faststart)
# A video with nothing wrong, to take apart.
encode "${moving[@]}" "${tone[@]}" "${main[@]}" "${aac[@]}" "${front[@]}" "${exact[@]}" "$work/good.mp4"

# Pictures.
encode "${picture[@]}" -c:v ljpeg -pix_fmt yuvj420p "${exact[@]}" -f image2 jpeg-lossless.jpg
encode "${picture[@]}" -pix_fmt pal8 "${exact[@]}" image-not-rgb.png
encode "${picture[@]}" -pix_fmt rgb48be "${exact[@]}" png-bit-depth.png
encode -f lavfi -i "$(pattern 96x64 2 2)" -pix_fmt rgb24 -plays 0 "${exact[@]}" -f apng png-animated.png
encode -f lavfi -i "$(pattern 320x180 1 1)" -frames:v 1 "${exact[@]}" "$work/wide.png"
cwebp -quiet -q 40 "$work/wide.png" -o sticker-dimensions.webp
encode -f lavfi -i "$(pattern 96x64 4 1)" -c:v libwebp_anim -loop 0 -q:v 20 "${exact[@]}" sticker-dimensions-animated.webp

# Sound.
voice=(-c:a libopus -b:a 16k -application voip)
encode "${tone[@]}" "${voice[@]}" -ac 2 "${exact[@]}" opus-not-mono.ogg
encode "${tone[@]}" "${tone[@]}" -map 0 -map 1 "${voice[@]}" -ac 1 "${exact[@]}" ogg-multiplexed.ogg
encode "${tone[@]}" "${voice[@]}" -ac 1 "${exact[@]}" -serial_offset 1 "$work/one.ogg"
encode "${tone[@]}" "${voice[@]}" -ac 1 "${exact[@]}" -serial_offset 2 "$work/two.ogg"
cat "$work/one.ogg" "$work/two.ogg" > ogg-chained.ogg
encode "${tone[@]}" -c:a mp2 -b:a 32k -ar 24000 -ac 1 "${exact[@]}" -f mp2 mp3-layer.mp3
encode "${tone[@]}" "${aac[@]}" -profile:a aac_main "${exact[@]}" -f adts aac-profile.aac

# MP4: the way it is put together.
encode -i "$work/good.mp4" -c copy "${exact[@]}" mp4-index-last.mp4
encode -i "$work/good.mp4" -c copy -movflags +frag_keyframe+empty_moov "${exact[@]}" mp4-fragmented.mp4
encode "${tone[@]}" "${aac[@]}" -movflags +frag_keyframe+empty_moov "${exact[@]}" -f mp4 mp4-fragmented.m4a
encode -i "$work/good.mp4" -c copy "${front[@]}" -encryption_scheme cenc-aes-ctr \
  -encryption_key 00112233445566778899aabbccddeeff -encryption_kid 0123456789abcdef0123456789abcdef "${exact[@]}" mp4-encrypted.mp4

# MP4: what is in it.
encode "${moving[@]}" -c:v libx265 -preset fast -crf 34 -x265-params log-level=error:pools=1:frame-threads=1 -pix_fmt yuv420p \
  -tag:v hvc1 -bsf:v filter_units=remove_types=39 "${front[@]}" "${exact[@]}" video-codec.mp4
encode "${moving[@]}" -c:v mpeg4 -q:v 20 -pix_fmt yuv420p "${front[@]}" "${exact[@]}" video-codec.3gp
encode "${moving[@]}" "${tone[@]}" "${main[@]}" -c:a libmp3lame -b:a 32k -ac 1 "${front[@]}" "${exact[@]}" video-audio-codec.mp4
encode "${moving[@]}" -i "$here/../sample.amr" "${main[@]}" -c:a copy "${front[@]}" "${exact[@]}" video-audio-codec.3gp
encode "${moving[@]}" "${tone[@]}" "${tone[@]}" -map 0 -map 1 -map 2 "${main[@]}" "${aac[@]}" "${front[@]}" "${exact[@]}" audio-tracks.mp4
encode "${moving[@]}" "${h264[@]}" -profile:v high444 -pix_fmt yuv444p -bf 0 "${front[@]}" "${exact[@]}" h264-profile.mp4
encode "${moving[@]}" "${h264[@]}" -profile:v high -bf 2 "${front[@]}" "${exact[@]}" h264-high-b-frames.mp4
encode "${moving[@]}" "${h264[@]}" -profile:v high -bf 0 "${front[@]}" "${exact[@]}" h264-high.mp4
encode "${moving[@]}" "${h264[@]}" -profile:v main -bf 2 "${front[@]}" "${exact[@]}" h264-b-frames.mp4
encode "${tone[@]}" -c:a alac -ac 1 "${front[@]}" "${exact[@]}" audio-codec.m4a
encode "${tone[@]}" -c:a libopus -b:a 16k -ac 1 "${front[@]}" "${exact[@]}" -f mp4 audio-codec-opus.m4a
cp "$work/good.mp4" audio-has-video.m4a
encode -i "$work/good.mp4" -an -c copy "${front[@]}" "${exact[@]}" -f mp4 audio-has-video-silent.m4a

python3 "$here/generate.py" "$work/good.mp4" "$here/.."
