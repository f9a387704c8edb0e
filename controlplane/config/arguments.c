/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dataplane reads no YAML: whoever starts it turns the configuration into its arguments
 * here. Text values hold no line breaks (the loader refuses them), so one line is one argument.
 */
#include "config/config.h"

#include <tandem/time.h>

#include <errno.h>

static void write_port(const struct config_port *port, FILE *out)
{
	(void)fprintf(out, "--port\nname=%s,device=%s\n", port->name, port->device);
	(void)fprintf(out, "--port-option\n%s:", port->name);
	if (port->queues != 0) /* else the dataplane takes one for each worker */
		(void)fprintf(out, "queues=%u,", port->queues);
	(void)fprintf(out, "vlan=%u,mtu=%u,tap=%s,checksum=%s\n", port->vlan, port->mtu, port->tap,
		port->checksum == CONFIG_CHECKSUM_VERIFY ? "verify" : "trust");
}

int config_write_dataplane_arguments(const struct config *config, FILE *out)
{
	const struct config_dataplane *dataplane = &config->dataplane;
	const struct config_media *media = &config->media;
	char ip[TD_IP_TEXT_BYTES];

	(void)fprintf(out, "--run-dir\n%s\n", config->run_dir);
	for (uint32_t i = 0; i < dataplane->port_count; i++)
		write_port(&dataplane->ports[i], out);
	for (uint32_t i = 0; i < media->address_count; i++)
		(void)fprintf(out, "--media-address\n%s\n", td_ip_format(&media->addresses[i], ip));
	(void)fprintf(out, "--media-ports\n%u-%u\n", media->ports.first, media->ports.last);
	(void)fprintf(out, "--rest-ms\n%u\n", media->rest_s * (unsigned)TD_MS_PER_S);
	for (uint32_t i = 0; i < dataplane->worker_count; i++)
		(void)fprintf(out, "--worker\n%u\n", dataplane->workers[i]);
	(void)fprintf(
		out, "--poll\n%s\n", dataplane->poll == CONFIG_POLL_BUSY ? "busy" : "adaptive");
	(void)fprintf(out, "--terminations\n%u\n", dataplane->terminations);
	(void)fprintf(out, "--memory-mb\n%u\n", dataplane->memory_mb);
	if (!dataplane->hugepages)
		(void)fprintf(out, "--no-huge\n");
	for (uint32_t i = 0; i < dataplane->eal_extra_count; i++)
		(void)fprintf(out, "--eal\n%s\n", dataplane->eal_extra[i]);
	return ferror(out) ? -EIO : 0;
}
