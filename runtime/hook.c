/* SPDX-License-Identifier: BSD-2-Clause */
/* A new hook is a row here and a file of its own. */
#include "hook.h"

static const struct hook *const hooks[IOP_HOOKS] = {
	[IOP_HOOK_SOCKET] = &hook_socket,
	[IOP_HOOK_TX] = &hook_tx,
	[IOP_HOOK_STACK] = &hook_stack,
	[IOP_HOOK_RX] = &hook_rx,
};

const struct hook *hook_of(__u32 hook)
{
	return hooks[hook];
}
