// The chart: ferry compared with each other mover, as SVG.

package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Measures of the chart, in pixels.
const (
	chartWidth  = 1000
	chartLabels = 140 // the names of the cases, left of the panels
	chartGap    = 56  // between the panels
	chartTop    = 122
	barHeight   = 11
	barStep     = 13
	caseGap     = 14
)

// barColors can be told apart with any kind of colour vision.
var barColors = []string{"#0072B2", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#E69F00", "#666666"}

// A panel shows one figure as a ratio of ferry's to each other mover's.
type panel struct {
	title, better string
	key           string
	low, high     int // ends of the scale, as powers of two
}

// chart draws two panels with a bar for each case and mover, on a logarithmic
// scale on which 1 means "the same as ferry".
func (r *report) chart() string {
	cases, movers := r.chartCases()
	height := chartTop
	for _, c := range cases {
		height += caseGap + barStep*countOf(c, movers)
	}
	height += 44
	var svg strings.Builder
	draw := func(format string, values ...any) { fmt.Fprintf(&svg, format+"\n", values...) }
	draw(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="DejaVu Sans, Verdana, sans-serif" font-size="12" fill="#222">`, chartWidth, height, chartWidth, height)
	draw(`<title>ferry compared with other ways to move files from S3 to WhatsApp</title>`)
	draw(`<rect width="%d" height="%d" fill="#fff"/>`, chartWidth, height)
	draw(`<text x="16" y="28" font-size="17" font-weight="bold">ferry compared with other ways to move files from S3 to WhatsApp</text>`)
	draw(`<text x="16" y="47" fill="#555">%s, %d cores, %s, commit %s. Case: size @ uploads at once.</text>`, escape(r.CPU), r.Cores, escape(r.Go), escape(r.Commit))
	x := 16
	for i, name := range movers {
		draw(`<rect x="%d" y="60" width="12" height="12" fill="%s"/><text x="%d" y="71">%s</text>`, x, barColors[i%len(barColors)], x+17, escape(name))
		x += 17 + 8*len(name) + 24
	}
	panels := []panel{
		{title: "Throughput: ferry's MB/s ÷ theirs", better: "right of 1: ferry is faster", key: "mb_per_s"},
		{title: "CPU: ferry's s/GB ÷ theirs", better: "left of 1: ferry needs less", key: "cpu_s_per_gb"},
	}
	width := (chartWidth - chartLabels - chartGap - 40) / 2
	for i, p := range panels {
		p.fit(cases, movers)
		p.draw(draw, cases, movers, chartLabels+i*(width+chartGap), width, height-40)
	}
	y := chartTop + caseGap
	for _, c := range cases {
		bars := barStep * countOf(c, movers)
		draw(`<text x="%d" y="%d" text-anchor="end" font-weight="bold">%s</text>`, chartLabels-14, y+bars/2+3, escape(c.Case))
		y += bars + caseGap
	}
	draw(`</svg>`)
	return svg.String()
}

// chartCases returns the cases with something to compare, and the movers to
// compare with.
func (r *report) chartCases() (cases []caseResult, movers []string) {
	for _, c := range r.Cases {
		if strings.HasPrefix(c.Case, viaReuse) || strings.HasPrefix(c.Case, viaWatch) || strings.HasPrefix(c.Case, viaTraced) || strings.HasPrefix(c.Case, viaLine) || len(c.Movers) < 2 {
			continue
		}
		cases = append(cases, c)
		for _, m := range c.Movers[1:] {
			if !slices.Contains(movers, m.Mover) {
				movers = append(movers, m.Mover)
			}
		}
	}
	return cases, movers
}

func countOf(c caseResult, movers []string) (n int) {
	for _, m := range c.Movers {
		if slices.Contains(movers, m.Mover) {
			n++
		}
	}
	return n
}

// fit chooses the scale, with space for the figure at the end of a bar.
func (p *panel) fit(cases []caseResult, movers []string) {
	p.low, p.high = -1, 1
	for _, c := range cases {
		for _, m := range c.Movers {
			if value := m.Ratio[p.key]; slices.Contains(movers, m.Mover) && value > 0 {
				p.low = min(p.low, int(math.Floor(math.Log2(value)-0.4)))
				p.high = max(p.high, int(math.Ceil(math.Log2(value)+0.4)))
			}
		}
	}
}

func (p *panel) draw(draw func(string, ...any), cases []caseResult, movers []string, left, width, bottom int) {
	place := func(value float64) float64 {
		return float64(left) + float64(width)*(math.Log2(value)-float64(p.low))/float64(p.high-p.low)
	}
	draw(`<text x="%d" y="%d" font-weight="bold">%s</text>`, left, chartTop-26, p.title)
	draw(`<text x="%d" y="%d" fill="#555">%s</text>`, left, chartTop-10, p.better)
	for power := p.low; power <= p.high; power++ {
		value, color := math.Exp2(float64(power)), "#ddd"
		if power == 0 {
			color = "#222"
		}
		label := fmt.Sprint(value)
		if power < 0 {
			label = fmt.Sprintf("1/%g", 1/value)
		}
		draw(`<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>`, place(value), chartTop, place(value), bottom, color)
		draw(`<text x="%.1f" y="%d" text-anchor="middle" font-size="11" fill="#555">%s</text>`, place(value), bottom+16, label)
	}
	y := chartTop + caseGap
	for _, c := range cases {
		for i, name := range movers {
			m := c.mover(name)
			if m == nil {
				continue
			}
			value := m.Ratio[p.key]
			from, to := place(1), place(value)
			draw(`<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`, min(from, to), y, max(math.Abs(to-from), 1), barHeight, barColors[i%len(barColors)])
			x, anchor := to+4, "start"
			if to < from {
				// Beyond the end of the bar or, where the scale ends there, on the other side of 1.
				if x, anchor = to-4, "end"; x < float64(left)+30 {
					x, anchor = from+4, "start"
				}
			}
			draw(`<text x="%.1f" y="%d" font-size="10" text-anchor="%s">%s</text>`, x, y+barHeight-2, anchor, threeDigits(value))
			y += barStep
		}
		y += caseGap
	}
}

// escape returns text with XML's special characters escaped.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
}
