"""The formula view of the lab `devices`: what SyncBatchNorm exchanges, with the numbers of the last step."""

from __future__ import annotations

from bnviz.i18n import Language, translator
from bnviz.labs.devices.result import Result
from bnviz.plot.numbers import latex


def formula(result: Result, step: int, language: Language = "en") -> str:
    """Within, between and total of the chosen channel, and the running variances. There is one frame: `step` says nothing."""
    _ = translator(language)
    s, c = result.settings, result.settings.channel
    apart = float(result.running_var[-1, :, c].mean())
    return "\n\n".join(
        [
            _("Channel {channel}, last step, {devices} devices with {count} samples each.").format(
                channel=c, devices=s.devices, count=s.per_device
            ),
            "**1.** " + _("Each device sends its mean and its variance; the mean of the whole batch is their mean:"),
            "$$\n" rf"\mu = \frac1K\sum_k \mu_k = {latex(float(result.device_mean[:, c].mean()))}" "\n$$",
            "**2.** " + _("Its variance is what varies within the devices and what varies between them:"),
            "$$\n"
            r"\sigma^2 = \frac1K\sum_k \sigma_k^2 + \frac1K\sum_k (\mu_k - \mu)^2 = "
            rf"{latex(float(result.within[c]))} + {latex(float(result.between[c]))} = {latex(float(result.total[c]))}"
            "\n$$",
            "**3.** " + _("Averaging the devices' running variances finds the first part only:"),
            "$$\n"
            rf"\frac1K\sum_k \sigma^2_{{r,k}} = {latex(apart)},\qquad "
            rf"\text{{SyncBatchNorm}}\colon\ \sigma_r^2 = {latex(float(result.sync_var[-1, c]))}"
            "\n$$",
        ]
    )
