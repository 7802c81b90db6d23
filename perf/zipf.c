/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/zipf.h"

#include <errno.h>
#include <math.h>

/* (exp(t) - 1) / t, exact where t is small. */
static double
expm1_over(double t)
{
	return fabs(t) > 1e-8 ? expm1(t) / t : 1 + t / 2;
}

/* log(1 + t) / t, exact where t is small. */
static double
log1p_over(double t)
{
	return fabs(t) > 1e-8 ? log1p(t) / t : 1 - t / 2;
}

/* H: an antiderivative of x^-exponent that stays finite at exponent 1. */
static double
area(double exponent, double x)
{
	double log_x = log(x);

	return expm1_over((1 - exponent) * log_x) * log_x;
}

static double
area_inverse(double exponent, double y)
{
	double t = fmax(y * (1 - exponent), -1);

	return exp(log1p_over(t) * y);
}

int
zipf_init(struct zipf *zipf, uint64_t n, double exponent)
{
	if (n == 0 || !(exponent >= 0) || !isfinite(exponent))
		return -EINVAL;
	zipf->n = n;
	zipf->exponent = exponent;
	zipf->area_first = area(exponent, 1.5) - 1;
	zipf->area_last = area(exponent, (double)n + 0.5);
	zipf->shortcut =
		2 - area_inverse(exponent, area(exponent, 2.5) - exp(-exponent * log(2.0)));
	return 0;
}

uint64_t
zipf_draw(const struct zipf *zipf, struct random *random)
{
	for (;;) {
		double unit = random_unit(random);
		double y = zipf->area_last + unit * (zipf->area_first - zipf->area_last);
		double x = area_inverse(zipf->exponent, y);
		double rank = fmin(fmax(floor(x + 0.5), 1), (double)zipf->n);

		if (rank - x <= zipf->shortcut ||
		    y >= area(zipf->exponent, rank + 0.5) - exp(-zipf->exponent * log(rank)))
			return (uint64_t)rank;
	}
}

double
zipf_sum(uint64_t n, double exponent)
{
	const uint64_t exact = 1000;
	double sum = 0;

	for (uint64_t i = 1; i <= n && i <= exact; i++)
		sum += exp(-exponent * log((double)i));
	if (n > exact) /* midpoint rule: each term is the area of its unit interval */
		sum += area(exponent, (double)n + 0.5) - area(exponent, (double)exact + 0.5);
	return sum;
}
