/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What all files of the stage library share: the packet as its stages see it,
 * and the functions that the compiler fills in.
 *
 * The library is compiled to bitcode once, embedded in iopc, and specialised
 * there: the compiler adds the bodies of the functions that are declared below
 * and the values of the constants to the same module before optimisation, so
 * that what a policy does not use leaves no instruction. Everything but the
 * programs is inlined, where nothing else is said.
 */
#ifndef IOP_STAGE_H
#define IOP_STAGE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi/count.h"
#include "abi/hash.h"
#include "abi/object.h"
#include "abi/worker.h"

/* Called by generated code only: kept by `used` until the compiler has called it. */
#define STAGE_FN __attribute__((always_inline, used))

/* A bound that LLVM must not remove because it knows it, while the verifier does not. */
#define iop_opaque(var) asm("" : "+r"(var))

/* Keeps LLVM from joining the checks before and behind it into one flag: BPF has no instruction
 * that makes one. */
#define iop_apart() asm volatile("")

/*
 * The same number, of which the verifier does not know that it is the same. What a loop's
 * comparisons say of a number stays with the verifier behind the loop, one state for each
 * iteration that can end it; so a loop compares a copy that ends with it.
 */
#define iop_copy(var) asm volatile("%0 ^= 0" : "+r"(var))

/* struct vlan_hdr of the kernel is not in its user headers. */
struct iop_vlan {
	__be16 tci;
	__be16 proto;
};

/*
 * A packet of a workload. It lives in registers: every member is known or dead
 * after inlining.
 */
struct iop_pkt {
	void *ctx;
	const __u8 *end;             /* behind the last byte that can be read */
	const __u8 *stop;            /* behind the last byte of the datagram; not behind `end` */
	const __u8 *start;           /* first byte that can be read: at rx the Ethernet header */
	const void *l3;              /* IP header, complete; rx and tx */
	const struct udphdr *udp;    /* complete; of TCP the header that begins with the same ports */
	const __u8 *payload;
	__u64 payload_len;           /* by the headers; what is behind it is padding */
	__u64 family;                /* 4 or 6 */
	__u32 hook;                  /* enum iop_hook: a constant in each program */
	__u64 l4;                    /* IPPROTO_*; where a program knows several (iop_is_tcp) */
	__u32 answers;               /* tx: class of the request that it answers; IOP_NONE: not known */
};

/* An address as it lies in the packet: IPv4 in the low 32 bits of lo, hi 0. */
struct iop_addr {
	__u64 hi, lo;
	__u32 family;
};

/* --- filled in by the compiler --- */

/* The number of the workload whose match holds for what iop_frame_open() found, or IOP_NONE. */
__u64 iop_rx_workload(struct iop_pkt *p);
/* The right to enter and the core for a whole packet of the workload: XDP_PASS, XDP_DROP or
 * XDP_REDIRECT. */
int iop_rx_request(struct iop_pkt *p, __u64 workload);
/* SK_PASS (with or without a socket picked) or SK_DROP. */
int iop_socket_policy(struct iop_pkt *p);
/* As at rx; TCX_NEXT or TCX_DROP. */
__u64 iop_tx_workload(struct iop_pkt *p);
/* The workload with `anywhere` that matches, or IOP_NONE. */
__u64 iop_lookup_workload(struct iop_pkt *p);
int iop_tx_reply(struct iop_pkt *p, __u64 workload);

/* Requests are counted until they are answered: 1 if some rule chooses by that. */
extern const __u32 iop_counting;

/* Families that some match can hold for: bit 0 IPv4, bit 1 IPv6. */
extern const __u32 iop_families;

/* Protocols that workloads with such a stage match, so that a program knows of no other. */
#define IOP_UDP 1u
#define IOP_TCP 2u
extern const __u32 iop_rx_protos, iop_socket_protos, iop_tx_protos, iop_lookup_protos;

/* Maps whose layout depends on the policy. */
extern char iop_count_rx[], iop_count_socket[], iop_count_tx[];

static __always_inline __u32 iop_protos(const struct iop_pkt *p)
{
	return p->hook == IOP_HOOK_RX       ? iop_rx_protos
	       : p->hook == IOP_HOOK_TX     ? iop_tx_protos
	       : p->hook == IOP_HOOK_LOOKUP ? iop_lookup_protos
					    : iop_socket_protos;
}

static __always_inline bool iop_is_tcp(const struct iop_pkt *p)
{
	return iop_protos(p) == IOP_TCP || (iop_protos(p) & IOP_TCP && p->l4 == IPPROTO_TCP);
}

#endif
