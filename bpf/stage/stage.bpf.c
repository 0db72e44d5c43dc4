/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The programs' frames. Everything else of the library is included, so that
 * it is one module of bitcode.
 */
#include "stage/stage.h"

#include "stage/actions.h"
#include "stage/connections.h"
#include "stage/fields.h"
#include "stage/lookup.h"
#include "stage/maps.h"
#include "stage/rx.h"
#include "stage/socket.h"
#include "stage/tx.h"
#include "stage/worker.h"
#include "stage/stack.h"

SEC("xdp") int iop_rx(struct xdp_md *ctx)
{
	return iop_rx_run(ctx);
}

SEC("xdp/cpumap") int iop_stack(struct xdp_md *ctx)
{
	iop_stack_arrived(ctx);
	return XDP_PASS;
}

SEC("sk_reuseport") int iop_socket(struct sk_reuseport_md *ctx)
{
	struct iop_pkt p;

	if (!iop_socket_open(ctx, &p))
		return SK_PASS;
	return iop_socket_policy(&p);
}

SEC("tcx/egress") int iop_tx(struct __sk_buff *ctx)
{
	struct iop_pkt p;
	__u64 workload;

	if (!iop_tx_open(ctx, &p))
		return TCX_NEXT;
	if (iop_counting)
		iop_tx_answered(&p);
	workload = iop_tx_workload(&p);
	if (workload == IOP_NONE || !iop_tx_enter(&p))
		return TCX_NEXT;
	return iop_tx_reply(&p, workload);
}

SEC("tp_btf/inet_sock_set_state") int iop_connections(__u64 *ctx)
{
	iop_connection_moves(ctx);
	return 0;
}

SEC("sk_lookup") int iop_lookup(struct bpf_sk_lookup *ctx)
{
	struct iop_pkt p;
	__u64 workload;

	if (!iop_lookup_open(ctx, &p))
		return SK_PASS;
	workload = iop_lookup_workload(&p);
	if (workload != IOP_NONE)
		iop_lookup_give(&p, (__u32)workload);
	return SK_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
