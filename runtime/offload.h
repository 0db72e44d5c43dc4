/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checksums that nobody computes. The sender of a veth pair leaves the checksum to a
 * device that does not exist, and marks the packet so; a frame that XDP redirects to
 * another core loses the mark and is dropped there as broken. So where a policy
 * steers on a veth device, the peer has to compute them (`ethtool -K PEER tx off`), and
 * what it did before is put back at unload.
 */
#ifndef IOP_RUNTIME_OFFLOAD_H
#define IOP_RUNTIME_OFFLOAD_H

#include "device.h"
#include "record.h"

/*
 * What has to be changed for the device: row->netns is 0 if nothing. An error, with the
 * command to run, when the peer is out of reach: steering would lose packets.
 */
int offload_plan(const struct device *d, struct record_offload *row, struct iop_report *report);

/* Sets the peer to row->after, or back to row->before. A peer that is gone is no error. */
int offload_apply(const struct record_offload *row, struct iop_report *report);
int offload_revert(const struct record_offload *row, struct iop_report *report);

/* What the peer does now: 1 on, 0 off, negative: gone or out of reach. */
int offload_now(const struct record_offload *row);

#endif
