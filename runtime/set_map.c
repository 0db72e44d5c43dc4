/* SPDX-License-Identifier: BSD-2-Clause */
#include "set_map.h"

#include <bpf/bpf.h>
#include <string.h>

#include "abi/set.h"
#include "cleanup.h"

#define BATCH 8192u /* entries at once */

static struct iop_set_key key_of(const struct iop_desc_prefix *p)
{
	struct iop_set_key key = { .length = 32 + p->length, .family = p->family };

	memcpy(key.address, p->address, p->family == 4 ? 4 : sizeof(key.address));
	return key;
}

static int one_by_one(int fd, const struct iop_set_key *keys, const __u32 *values, __u32 n)
{
	int err = 0;

	for (__u32 i = 0; i < n && !err; i++)
		err = bpf_map_update_elem(fd, &keys[i], &values[i], BPF_ANY);
	return err;
}

int set_fill(const struct iop_object *o, const struct iop_desc_map *d, const struct bpf_map *map,
	     struct iop_report *report)
{
	_cleanup_free_ struct iop_set_key *keys = calloc(BATCH, sizeof(*keys));
	_cleanup_free_ __u32 *values = calloc(BATCH, sizeof(*values));
	int fd = bpf_map__fd(map), err = 0;

	if (!keys || !values)
		return report_no_memory(report);
	if (bpf_map__key_size(map) != sizeof(*keys) || bpf_map__value_size(map) != sizeof(*values))
		return report_error(report, -EBADMSG, IOP_CAUSE_POLICY,
				    "%s: map %s is none of a set", o->path, bpf_map__name(map));
	for (__u32 done = 0, n; done < d->n_prefixes && !err; done += n) {
		LIBBPF_OPTS(bpf_map_batch_opts, opts);
		__u32 taken;

		n = d->n_prefixes - done < BATCH ? d->n_prefixes - done : BATCH;
		for (__u32 i = 0; i < n; i++) {
			keys[i] = key_of(object_prefix(o, d->first_prefix + done + i));
			values[i] = 1;
		}
		taken = n;
		err = bpf_map_update_batch(fd, keys, values, &taken, &opts);
		if (err) /* kernels before 5.6, and for tries before 5.17, know no batches */
			err = one_by_one(fd, keys, values, n);
	}
	return err ? report_error(report, err, IOP_CAUSE_KERNEL, "map %s cannot be filled: %s",
				  bpf_map__name(map), strerror(-err))
		   : 0;
}
